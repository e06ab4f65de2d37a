"""Totals of owners by day, for their use over time."""

import django.db.models.deletion
from django.db import migrations, models

from queueapp.db.online import OnlineMigration


class Migration(OnlineMigration):

    dependencies = [
        ('queueapp', '0020_waiting_in_order'),
    ]

    operations = [
        migrations.CreateModel(
            name='OwnerTotal',
            fields=[
                ('pk', models.CompositePrimaryKey('day', 'owner', 'task', blank=True, editable=False, primary_key=True, serialize=False)),
                ('day', models.DateField()),
                ('task', models.CharField(max_length=100)),
                ('succeeded', models.IntegerField(help_text='Jobs.')),
                ('failed', models.IntegerField(help_text='Jobs.')),
                ('cancelled', models.IntegerField(help_text='Jobs.')),
                ('spent', models.FloatField(help_text='Processor seconds of all attempts that ended on the day.')),
                ('owner', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='queueapp.owner')),
            ],
        ),
        # A row is updated every ten seconds: room on each page for the next version.
        migrations.RunSQL('ALTER TABLE queueapp_ownertotal SET (fillfactor = 60)', migrations.RunSQL.noop),
    ]
