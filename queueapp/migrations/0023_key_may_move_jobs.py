"""A key that cancels and retries jobs also moves them: its words say so now."""

import django.contrib.postgres.fields
from django.db import migrations, models

from queueapp.db.online import OnlineMigration


class Migration(OnlineMigration):

    dependencies = [
        ('queueapp', '0022_outcome_number'),
    ]

    operations = [
        migrations.AlterField(
            model_name='apikey',
            name='scopes',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('submit', 'submit jobs'), ('read', 'see jobs, queue and events'), ('cancel', 'cancel, retry and move jobs'), ('staff', 'do so for other users and fairness keys')], max_length=10), help_text='What it may do.', size=None),
        ),
    ]
