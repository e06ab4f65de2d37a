"""What an attempt printed and its traceback are kept; a waiting job may say why it waits."""


from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('queueapp', '0010_tally'),
    ]

    operations = [
        migrations.AddField(
            model_name='attempt',
            name='log',
            field=models.TextField(blank=True, db_default='', help_text='What it printed, and its traceback; both cut.'),
        ),
        migrations.AddField(
            model_name='outcome',
            name='log',
            field=models.TextField(blank=True, db_default='', help_text='What it printed, and its traceback; both cut.'),
        ),
        migrations.AddField(
            model_name='waiting',
            name='note',
            field=models.CharField(blank=True, db_default='', help_text='Why it waits, if it says.', max_length=500),
        ),
        migrations.AlterField(
            model_name='waiting',
            name='expected',
            field=models.FloatField(help_text='Processor seconds, as declared; a quantum at least where it is to be taken in a turn of its own.'),
        ),
    ]
