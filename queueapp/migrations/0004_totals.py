"""Totals of the work that has ended, by flow and by task. They are written by sweeps, from the outcomes there are."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

from queueapp.db.online import OnlineMigration


# One table for each width: rows of long buckets would lie scattered among those of minutes. Each minute updates rows of
# long buckets: room on each page for the next version.
FLOW_TOTALS = """
    CREATE TABLE queueapp_flowtotal (
        width integer NOT NULL,
        begin timestamptz NOT NULL,
        flow_id bigint NOT NULL,
        got double precision NOT NULL,
        active double precision NOT NULL,
        change bigint NOT NULL,
        area double precision NOT NULL,
        asked double precision NOT NULL,
        dropped double precision NOT NULL,
        ended integer NOT NULL,
        failed integer NOT NULL,
        steps smallint[] NOT NULL,
        starts integer[] NOT NULL,
        covered tstzmultirange,
        PRIMARY KEY (width, begin, flow_id)
    ) PARTITION BY LIST (width);
    CREATE TABLE queueapp_flowtotal_60 PARTITION OF queueapp_flowtotal FOR VALUES IN (60) WITH (fillfactor = 80);
    CREATE TABLE queueapp_flowtotal_300 PARTITION OF queueapp_flowtotal FOR VALUES IN (300) WITH (fillfactor = 60);
    CREATE TABLE queueapp_flowtotal_1800 PARTITION OF queueapp_flowtotal FOR VALUES IN (1800) WITH (fillfactor = 60);
    CREATE TABLE queueapp_flowtotal_21600 PARTITION OF queueapp_flowtotal FOR VALUES IN (21600) WITH (fillfactor = 60)
"""
# A piece of work, as the functions of db/sql/totals/ take it: one attempt at a job, or several jobs that wait.
PIECE = """
    CREATE TYPE queueapp_piece AS (
        flow bigint, task text, jobs integer, since timestamptz, started timestamptz, ended timestamptz,
        seconds double precision, status text
    )
"""


class Migration(OnlineMigration):

    dependencies = [
        ('queueapp', '0003_traceparent'),
    ]

    operations = [
        migrations.RunSQL(PIECE, 'DROP TYPE queueapp_piece CASCADE'),
        migrations.SeparateDatabaseAndState(
            [migrations.RunSQL(FLOW_TOTALS, 'DROP TABLE queueapp_flowtotal')],
            [
                migrations.CreateModel(
                    name='FlowTotal',
                    fields=[
                        ('width', models.IntegerField(help_text='Seconds: one of WIDTHS.')),
                        ('begin', models.DateTimeField()),
                        ('steps', django.contrib.postgres.fields.ArrayField(base_field=models.SmallIntegerField(), default=list, help_text='How long the attempts that started in it had waited: 50 times the logarithm of the seconds.', size=None)),
                        ('starts', django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), default=list, help_text='The number of these attempts, for each step.', size=None)),
                        ('pk', models.CompositePrimaryKey('width', 'begin', 'flow', blank=True, editable=False, primary_key=True, serialize=False)),
                        ('flow', models.ForeignKey(db_constraint=False, db_index=False, help_text='0: unknown.', on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='queueapp.flow')),
                        ('got', models.FloatField(help_text='Processor seconds.')),
                        ('active', models.FloatField(help_text='Seconds in which a piece was present: due, and not ended.')),
                        ('change', models.BigIntegerField(help_text='Pieces that fell due, less those that ended.')),
                        ('area', models.FloatField(help_text='The same, each times the seconds from then to the end of the bucket.')),
                        ('asked', models.FloatField(help_text='Processor seconds of the pieces that fell due.')),
                        ('dropped', models.FloatField(help_text='Processor seconds that ended pieces had asked for and did not get.')),
                        ('ended', models.IntegerField(help_text='Jobs.')),
                        ('failed', models.IntegerField(help_text='Jobs of these.')),
                    ],
                    options={
                        'abstract': False,
                    },
                ),
            ],
        ),
        migrations.CreateModel(
            name='TaskTotal',
            fields=[
                ('width', models.IntegerField(help_text='Seconds: one of WIDTHS.')),
                ('begin', models.DateTimeField()),
                ('steps', django.contrib.postgres.fields.ArrayField(base_field=models.SmallIntegerField(), default=list, help_text='How long the attempts that started in it had waited: 50 times the logarithm of the seconds.', size=None)),
                ('starts', django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), default=list, help_text='The number of these attempts, for each step.', size=None)),
                ('pk', models.CompositePrimaryKey('width', 'begin', 'task', blank=True, editable=False, primary_key=True, serialize=False)),
                ('task', models.CharField(max_length=100)),
                ('succeeded', models.IntegerField(help_text='Jobs.')),
                ('failed', models.IntegerField(help_text='Jobs.')),
                ('cancelled', models.IntegerField(help_text='Jobs.')),
                ('retried', models.IntegerField(help_text='Attempts that failed, and were not the last.')),
                ('spent', models.FloatField(help_text='Processor seconds of all attempts that ended in the bucket.')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='TotalsCursor',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('outcomes', models.BigIntegerField(default=0, help_text='All outcomes up to this number are counted.')),
                ('attempts', models.BigIntegerField(default=0, help_text='All attempts up to this id are counted.')),
                ('counted_at', models.DateTimeField(help_text='When the last ones were counted.', null=True)),
                ('noted_outcomes', models.BigIntegerField(null=True)),
                ('noted_attempts', models.BigIntegerField(null=True)),
                ('noted_by', models.BigIntegerField(help_text='A transaction id.', null=True)),
            ],
        ),
    ]
