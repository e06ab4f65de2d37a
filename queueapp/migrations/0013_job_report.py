"""What jobs say of themselves beside their outcomes: a table of its own, which turns without reports never touch."""

import django.db.models.deletion
from django.db import migrations, models

from queueapp.db.online import OnlineMigration

# The database deletes a report with its job: code of the version before knows nothing of reports. Storage: a report is
# written again each second while its job prints.
WITH_ITS_JOB = """
    ALTER TABLE queueapp_jobreport ADD CONSTRAINT jobreport_of_job
        FOREIGN KEY (job_id) REFERENCES queueapp_job ON DELETE CASCADE;
    ALTER TABLE queueapp_jobreport SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05)
"""


class Migration(OnlineMigration):

    dependencies = [
        ('queueapp', '0012_outcome_failed'),
    ]

    operations = [
        migrations.CreateModel(
            name='JobReport',
            fields=[
                ('job', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, primary_key=True, related_name='report', serialize=False, to='queueapp.job')),
                ('attempt', models.SmallIntegerField()),
                ('log', models.TextField(blank=True, help_text='The end of what it printed so far; empty once it has ended.')),
                ('stages', models.JSONField(help_text='Pairs of a name and the seconds of the attempt at which the stage began.')),
                ('note', models.TextField(blank=True, help_text='Markdown, as the task wrote it.')),
            ],
        ),
        migrations.RunSQL(WITH_ITS_JOB, migrations.RunSQL.noop),
    ]
