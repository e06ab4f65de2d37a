"""How far the signal of completed jobs was sent."""

from django.db import migrations, models

from queueapp.db.online import OnlineMigration


class Migration(OnlineMigration):

    dependencies = [
        ('queueapp', '0008_waiting_alone'),
    ]

    operations = [
        migrations.CreateModel(
            name='SignalCursor',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.BigIntegerField()),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('pk', 1)), name='signal_cursor_one_row')],
            },
        ),
    ]
