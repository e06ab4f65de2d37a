"""Jobs that are taken in turns of their own."""

from django.db import migrations, models

from queueapp.db.online import OnlineMigration


class Migration(OnlineMigration):

    dependencies = [
        ('queueapp', '0007_turn_declared'),
    ]

    operations = [
        migrations.AddField(
            model_name='waiting',
            name='alone',
            field=models.BooleanField(db_default=False, default=False, help_text='It is to be taken in a turn of its own.'),
        ),
        migrations.AlterField(
            model_name='waiting',
            name='expected',
            field=models.FloatField(help_text='Processor seconds, as declared.'),
        ),
    ]
