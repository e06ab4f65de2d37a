"""What changes with every turn leaves the row of the flow for one of its own, that is found newest first.

No unique index has all its old versions in it under one key any more: beside a transaction that stays open elsewhere, each
turn had to look at them all.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

COLUMNS = 'weight, cap, vtime, backlogged, busy, held, head, floor'


class Migration(migrations.Migration):

    dependencies = [
        ('queueapp', '0009_job_id_collation'),
    ]

    operations = [
        migrations.CreateModel(
            name='Tally',
            fields=[
                ('flow', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, primary_key=True, related_name='tally', serialize=False, to='queueapp.flow')),
                ('version', models.BigIntegerField(db_default=0, default=0, editable=False)),
                ('weight', models.FloatField(default=1.0, help_text='Turns it gets for each turn of a flow with weight 1.')),
                ('cap', models.SmallIntegerField(blank=True, null=True, verbose_name='processors at once')),
                ('vtime', models.FloatField(db_default=0.0, default=0.0, help_text='Its cost so far, in processor seconds, divided by its weight.', verbose_name='virtual time')),
                ('backlogged', models.BooleanField(db_default=False, default=False, help_text='Whether jobs wait in it.')),
                ('busy', models.SmallIntegerField(db_default=0, default=0, help_text='Processors that work for it now.')),
                ('held', models.BooleanField(db_default=False, default=False, help_text='Whether it lets others go first while its jobs move from or to another flow.')),
                ('head', models.BigIntegerField(blank=True, help_text='Its first waiting job: ties go to the lowest.', null=True)),
                ('floor', models.BigIntegerField(db_default=0, default=0, help_text='No job of its backlog is below, now or later: the look for its first one begins here.')),
                ('ready', models.GeneratedField(db_persist=True, expression=models.Q(('backlogged', True), ('held', False), models.Q(('cap__isnull', True), ('busy__lt', models.F('cap')), _connector='OR')), output_field=models.BooleanField())),
            ],
            options={
                'verbose_name_plural': 'tallies',
            },
        ),
        migrations.RunSQL(
            f'INSERT INTO queueapp_tally (flow_id, {COLUMNS}) SELECT id, {COLUMNS} FROM queueapp_flow',
            f'UPDATE queueapp_flow SET ({COLUMNS}) = (SELECT {COLUMNS} FROM queueapp_tally WHERE flow_id = queueapp_flow.id)',
        ),
        migrations.RunSQL(
            'ALTER TABLE queueapp_tally DROP CONSTRAINT queueapp_tally_pkey,'
            ' ADD CONSTRAINT tally_of_a_flow FOREIGN KEY (flow_id) REFERENCES queueapp_flow ON DELETE CASCADE',
            'ALTER TABLE queueapp_tally DROP CONSTRAINT tally_of_a_flow, ADD PRIMARY KEY (flow_id)',
        ),
        migrations.RunSQL(
            'ALTER TABLE queueapp_tally SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);'
            ' ALTER TABLE queueapp_flow RESET (fillfactor, autovacuum_vacuum_scale_factor)',
            'ALTER TABLE queueapp_flow SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05)',
        ),
        migrations.RemoveIndex(
            model_name='flow',
            name='flow_turn',
        ),
        migrations.RemoveIndex(
            model_name='flow',
            name='flow_held',
        ),
        migrations.RemoveField(
            model_name='flow',
            name='ready',
        ),
        migrations.RemoveField(
            model_name='flow',
            name='backlogged',
        ),
        migrations.RemoveField(
            model_name='flow',
            name='busy',
        ),
        migrations.RemoveField(
            model_name='flow',
            name='cap',
        ),
        migrations.RemoveField(
            model_name='flow',
            name='floor',
        ),
        migrations.RemoveField(
            model_name='flow',
            name='head',
        ),
        migrations.RemoveField(
            model_name='flow',
            name='held',
        ),
        migrations.RemoveField(
            model_name='flow',
            name='vtime',
        ),
        migrations.RemoveField(
            model_name='flow',
            name='weight',
        ),
        migrations.AlterField(
            model_name='flow',
            name='rule',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='flows', to='queueapp.priorityrule'),
        ),
        migrations.AlterField(
            model_name='flow',
            name='user',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='own_flows', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddIndex(
            model_name='tally',
            index=models.Index(fields=['ready', 'vtime', 'head'], name='flow_turn'),
        ),
        migrations.AddIndex(
            model_name='tally',
            index=models.Index(condition=models.Q(('held', True)), fields=['flow'], name='flow_held'),
        ),
        migrations.AddConstraint(
            model_name='tally',
            constraint=models.UniqueConstraint(fields=('flow', 'version'), name='tally_newest'),
        ),
    ]
