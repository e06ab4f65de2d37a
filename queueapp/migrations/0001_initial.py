"""The whole schema: the models, and below them what models cannot say.

SQL functions are not here: db/install.py installs them after every migration.
"""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import queueapp.states
from django.conf import settings
from django.db import migrations, models

from queueapp.db.online import OnlineMigration

# Rows that every turn writes: room on each page for the next version of a row, and an early vacuum.
STORAGE = """
    ALTER TABLE queueapp_flowstate SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
    ALTER TABLE queueapp_processor SET (fillfactor = 20, autovacuum_vacuum_scale_factor = 0.05);
    ALTER TABLE queueapp_waiting SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0)
"""
# No unique index has all dead tuples of a row under one key: beside a transaction that stays open elsewhere, each turn
# would look at all of them (docs/internals/dead-tuples.md).
NO_PRIMARY_KEYS = """
    ALTER TABLE queueapp_processor DROP CONSTRAINT queueapp_processor_pkey;
    CREATE INDEX queueapp_processor_id ON queueapp_processor (id);
    ALTER TABLE queueapp_flowstate DROP CONSTRAINT queueapp_flowstate_pkey,
        ADD CONSTRAINT flowstate_of_flow FOREIGN KEY (flow_id) REFERENCES queueapp_flow ON DELETE CASCADE
"""
# Tables without a primary key need one to be published: CREATE PUBLICATION ... FOR ALL TABLES.
REPLICA_IDENTITY = """
    DO $$ BEGIN
        EXECUTE (SELECT 'ALTER TABLE queueapp_processor REPLICA IDENTITY USING INDEX ' || indexrelid::regclass
                   FROM pg_index JOIN pg_attribute a ON a.attrelid = indrelid AND a.attnum = indkey[0]
                  WHERE indrelid = 'queueapp_processor'::regclass AND indisunique AND indimmediate
                    AND indpred IS NULL AND indnkeyatts = 1 AND a.attname = 'turn' LIMIT 1);
    END $$;
    ALTER TABLE queueapp_flowstate REPLICA IDENTITY USING INDEX flowstate_newest
"""
# The terms of a rule; and what came of one attempt at a job, as SQL functions take it: how it ended, and the seconds since. Status 'retry': this
# attempt failed, and the next may start in `retry` seconds; 'defer': it was not started, and waits for so long, for the
# reason in its message. `log`: what it printed, and its traceback.
TYPES = """
    CREATE TYPE queueapp_terms AS (weight double precision, cap smallint);
    CREATE TYPE queueapp_job_outcome AS (
        job bigint, owner bigint, status text, attempt smallint, spent double precision, ago double precision,
        progress double precision, message text, result jsonb, error text, log text, retry double precision
    )
"""
# Changes of the rules are noted in the transaction that makes them; route.py follows them.
NOTE_RULE_CHANGE = """
    CREATE FUNCTION queueapp_note_rule_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        -- Whoever changes rules may have another search path.
        EXECUTE format('INSERT INTO %I.queueapp_rulechange DEFAULT VALUES', TG_TABLE_SCHEMA);
        RETURN NULL;
    END $$
"""
RULE_CHANGE = """
    CREATE TRIGGER queueapp_rule_change AFTER INSERT OR UPDATE OR DELETE ON {}
    FOR EACH ROW EXECUTE FUNCTION queueapp_note_rule_change()
"""
RULE_TABLES = [
    'queueapp_priorityrule', 'queueapp_priorityrule_users', 'queueapp_priorityrule_groups'
]


def add_first_rule(apps, schema_editor):
    """The rule that a new site starts with: fair shares for everyone."""
    apps.get_model('queueapp', 'PriorityRule').objects.create(name='Everyone takes turns', position=1000)


class Migration(OnlineMigration):

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL('CREATE SEQUENCE queueapp_outcome_number', 'DROP SEQUENCE queueapp_outcome_number'),
        migrations.RunSQL('CREATE SEQUENCE queueapp_turn_number', 'DROP SEQUENCE queueapp_turn_number'),
        migrations.CreateModel(
            name='OrderStart',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('vtime', models.FloatField(verbose_name='virtual time')),
            ],
        ),
        migrations.CreateModel(
            name='Routing',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('followed', models.DateTimeField(help_text='Rules that began or ended by then were followed.', null=True)),
                ('begun', models.DateTimeField(help_text='When the pass under way began; empty: none is.', null=True)),
                ('last_owner', models.BigIntegerField(default=0, help_text='The last owner that the pass under way has routed.')),
            ],
        ),
        migrations.CreateModel(
            name='RuleChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('made_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.CreateModel(
            name='Flow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(help_text='Which rule or which owner it stands for.', max_length=64)),
            ],
        ),
        migrations.CreateModel(
            name='Owner',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(blank=True, db_collation='C', help_text='A fairness key: a team, a tenant or an API client that is no user.', max_length=200, null=True, unique=True, validators=[django.core.validators.RegexValidator('\\A[A-Za-z0-9_.:@+~/-]{1,200}\\Z', 'use 1 to 200 letters, digits and _ . : @ + ~ / - only')])),
                ('flow', models.ForeignKey(blank=True, editable=False, help_text='The flow that its next job joins.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='members', to='queueapp.flow')),
                ('user', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='queue_owner', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.AddField(
            model_name='flow',
            name='owner',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='own_flows', to='queueapp.owner'),
        ),
        migrations.CreateModel(
            name='Job',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(db_collation='C', help_text="The submitter's own name for the job.", max_length=200, verbose_name='job id')),
                ('task', models.CharField(max_length=100)),
                ('payload', models.JSONField(blank=True, default=dict)),
                ('duration', models.FloatField(help_text='Expected processor seconds.')),
                ('time_limit', models.FloatField(blank=True, help_text="Seconds that one attempt may take; empty: the task's.", null=True)),
                ('memory_limit', models.FloatField(blank=True, help_text="Megabytes that one attempt may take; empty: the task's.", null=True)),
                ('run_at', models.DateTimeField(blank=True, help_text='Not to be started before.', null=True)),
                ('submitted_at', models.DateTimeField()),
                ('owner', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='jobs', to='queueapp.owner')),
            ],
        ),
        migrations.CreateModel(
            name='Attempt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveSmallIntegerField(help_text='From 1.')),
                ('started_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField()),
                ('time_spent', models.FloatField(help_text='Processor seconds.')),
                ('error', models.TextField()),
                ('log', models.TextField(blank=True, db_default='', help_text='What it printed, and its traceback; both cut.')),
                ('job', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='attempts', to='queueapp.job')),
            ],
            options={
                'ordering': ['number'],
            },
        ),
        migrations.CreateModel(
            name='Pause',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('task', models.CharField(blank=True, help_text="Jobs of this task are not started, whoever's they are.", max_length=100)),
                ('reason', models.CharField(help_text='A few words that the users concerned read, e.g. “maintenance”.', max_length=200)),
                ('since', models.DateTimeField(auto_now_add=True)),
                ('by', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('owner', models.OneToOneField(blank=True, help_text='Whose jobs are not started. Without owner and task, everything is paused.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='pause', to='queueapp.owner')),
            ],
            options={
                'ordering': ['since'],
            },
        ),
        migrations.CreateModel(
            name='PendingMove',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('flow', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='queueapp.flow')),
                ('owner', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='queueapp.owner')),
            ],
        ),
        migrations.CreateModel(
            name='PriorityRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='What you call this rule, e.g. “Premium”.', max_length=100, unique=True)),
                ('active', models.BooleanField(default=True, help_text='Switch a rule off to keep it without its effect.')),
                ('position', models.PositiveIntegerField(default=100, help_text='Rules are asked from the lowest number up; the first one that covers an owner decides. Put special rules before general ones.')),
                ('weight', models.FloatField(default=1.0, help_text='How many turns they get for each turn of a user with weight 1: from 0.1 to 10. 3 means three turns to one, never all of them: nobody is shut out.', validators=[django.core.validators.MinValueValidator(0.1), django.core.validators.MaxValueValidator(10.0)])),
                ('sharing', models.CharField(choices=[('separately', 'separately: each user takes turns with everybody else'), ('together', 'together: they queue up as one, in the order they submitted')], default='separately', help_text='Whether each covered user gets that weight, or all of them share it.', max_length=10)),
                ('cap', models.PositiveSmallIntegerField(blank=True, help_text='The most processors that work for them at the same time. Leave it empty for no limit.', null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='processors at once')),
                ('valid_from', models.DateTimeField(blank=True, help_text='Has no effect before this moment.', null=True)),
                ('valid_until', models.DateTimeField(blank=True, help_text='Has no effect from this moment on.', null=True)),
                ('keys', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=200, validators=[django.core.validators.RegexValidator('\\A(?:[A-Za-z0-9_.:@+~/-]{1,200}|(?:[A-Za-z0-9_.:@+~/-]{1,200})?\\*)\\Z', 'Write a key, or the beginning of keys and then *.')]), blank=True, default=list, help_text='It also covers these fairness keys, joined by commas. team-* covers all keys that begin with team-.', size=None)),
                ('groups', models.ManyToManyField(blank=True, help_text='It also covers all members of these groups.', related_name='priority_rules', to='auth.group')),
                ('users', models.ManyToManyField(blank=True, help_text='The users it covers. With no users, groups and keys it covers everyone.', related_name='priority_rules', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['position', 'id'],
            },
        ),
        migrations.AddField(
            model_name='flow',
            name='rule',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='flows', to='queueapp.priorityrule'),
        ),
        migrations.CreateModel(
            name='Processor',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('cluster', models.CharField(help_text='The cluster that its process belongs to.', max_length=36)),
                ('host', models.CharField(max_length=255)),
                ('pid', models.IntegerField(verbose_name='process id')),
                ('started_at', models.DateTimeField()),
                ('seen_at', models.DateTimeField(verbose_name='last sign of life')),
                ('lease_until', models.DateTimeField(help_text='Without a sign of life by then, its jobs go to others.')),
                ('draining', models.BooleanField(default=False, help_text='Whether it takes no further turns.')),
                ('turn', models.BigIntegerField(db_default=models.Func(models.Value('queueapp_turn_number'), function='nextval'), editable=False, unique=True)),
                ('jobs', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), blank=True, default=list, size=None)),
                ('attempts', django.contrib.postgres.fields.ArrayField(base_field=models.PositiveSmallIntegerField(), blank=True, default=list, size=None)),
                ('charged', models.FloatField(default=0.0, help_text='Processor seconds that its flow was charged for the turn.')),
                ('worked', models.FloatField(db_default=0.0, default=0.0, help_text='Processor seconds that the turn is known to have cost so far.')),
                ('job_started_at', models.DateTimeField(null=True)),
                ('cancelling', models.BooleanField(default=False, help_text='Whether its present job is to stop.')),
                ('progress', models.FloatField(default=0.0, help_text='0 to 1.')),
                ('message', models.CharField(blank=True, max_length=500)),
                ('flow', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='queueapp.flow')),
                ('job', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='processors', to='queueapp.job')),
            ],
            options={
                'ordering': ['host', 'pid'],
            },
        ),
        migrations.CreateModel(
            name='Waiting',
            fields=[
                ('pk', models.CompositePrimaryKey('owner', 'job', blank=True, editable=False, primary_key=True, serialize=False)),
                ('not_before', models.DateTimeField(help_text='Its moment has not come: until then it is in no flow.', null=True)),
                ('expected', models.FloatField(help_text='Processor seconds, as declared; a quantum at least where it is to be taken in a turn of its own.')),
                ('attempt', models.SmallIntegerField(default=1, help_text='Which attempt its next start is.')),
                ('note', models.CharField(blank=True, db_default='', help_text='Why it waits, if it says.', max_length=500)),
                ('flow', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='backlog', to='queueapp.flow')),
                ('job', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='places', to='queueapp.job')),
                ('owner', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='queueapp.owner')),
            ],
            options={
                'verbose_name_plural': 'waiting',
            },
        ),
        migrations.CreateModel(
            name='FlowState',
            fields=[
                ('flow', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, primary_key=True, related_name='state', serialize=False, to='queueapp.flow')),
                ('revision', models.BigIntegerField(db_default=0, default=0, editable=False)),
                ('weight', models.FloatField(default=1.0, help_text='Turns it gets for each turn of a flow with weight 1.')),
                ('cap', models.SmallIntegerField(blank=True, null=True, verbose_name='processors at once')),
                ('vtime', models.FloatField(db_default=0.0, default=0.0, help_text='Its cost so far, in processor seconds, divided by its weight.', verbose_name='virtual time')),
                ('backlogged', models.BooleanField(db_default=False, default=False, help_text='Whether jobs wait in it.')),
                ('busy', models.SmallIntegerField(db_default=0, default=0, help_text='Processors that work for it now.')),
                ('held', models.BooleanField(db_default=False, default=False, help_text='Whether it lets others go first while its jobs move from or to another flow.')),
                ('head', models.BigIntegerField(blank=True, help_text='Its first waiting job: ties go to the lowest.', null=True)),
                ('scan_from', models.BigIntegerField(db_default=0, default=0, help_text='No job of its backlog is below, now or later: the look for its first one begins here.')),
                ('ready', models.GeneratedField(db_persist=True, expression=models.Q(('backlogged', True), ('held', False), models.Q(('cap__isnull', True), ('busy__lt', models.F('cap')), _connector='OR')), output_field=models.BooleanField())),
            ],
            options={
                'verbose_name_plural': 'flow states',
                'indexes': [models.Index(fields=['ready', 'vtime', 'head'], name='flow_turn'), models.Index(condition=models.Q(('held', True)), fields=['flow'], name='flow_held')],
            },
        ),
        migrations.CreateModel(
            name='Outcome',
            fields=[
                ('job', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, primary_key=True, serialize=False, to='queueapp.job')),
                ('number', models.BigIntegerField()),
                ('status', models.CharField(choices=[(queueapp.states.Status['SUCCEEDED'], 'succeeded'), (queueapp.states.Status['FAILED'], 'failed'), (queueapp.states.Status['CANCELLED'], 'cancelled')], max_length=10)),
                ('attempt', models.SmallIntegerField(help_text='Which attempt ended it; 0: it never started.')),
                ('started_at', models.DateTimeField(null=True)),
                ('finished_at', models.DateTimeField()),
                ('time_spent', models.FloatField(help_text='Seconds that a processor worked on it.')),
                ('progress', models.FloatField(default=0.0)),
                ('message', models.CharField(blank=True, max_length=500)),
                ('result', models.JSONField(null=True)),
                ('error', models.TextField(blank=True)),
                ('log', models.TextField(blank=True, db_default='', help_text='What it printed, and its traceback; both cut.')),
                ('flow', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='queueapp.flow')),
                ('owner', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='queueapp.owner')),
            ],
        ),
        migrations.AddIndex(
            model_name='job',
            index=models.Index(fields=['owner', '-id'], name='job_of_owner'),
        ),
        migrations.AddIndex(
            model_name='job',
            index=models.Index(fields=['task'], name='job_of_task'),
        ),
        migrations.AddConstraint(
            model_name='job',
            constraint=models.UniqueConstraint(fields=('owner', 'name'), name='job_once_per_owner'),
        ),
        migrations.AddConstraint(
            model_name='job',
            constraint=models.CheckConstraint(condition=models.Q(('duration__gt', 0)), name='job_duration_above_0'),
        ),
        migrations.AddConstraint(
            model_name='attempt',
            constraint=models.UniqueConstraint(fields=('job', 'number'), name='attempt_once'),
        ),
        migrations.AddConstraint(
            model_name='pause',
            constraint=models.CheckConstraint(condition=models.Q(('owner__isnull', True), ('task', ''), _connector='OR'), name='pause_owner_or_task'),
        ),
        migrations.AddConstraint(
            model_name='pause',
            constraint=models.UniqueConstraint(condition=models.Q(('task', ''), _negated=True), fields=('task',), name='pause_once_per_task'),
        ),
        migrations.AddConstraint(
            model_name='pause',
            constraint=models.UniqueConstraint(condition=models.Q(('owner__isnull', True), ('task', '')), fields=('task',), name='pause_of_everything_once'),
        ),
        migrations.AddConstraint(
            model_name='pendingmove',
            constraint=models.UniqueConstraint(fields=('owner', 'flow'), name='pending_move_once'),
        ),
        migrations.AddConstraint(
            model_name='priorityrule',
            constraint=models.CheckConstraint(condition=models.Q(('weight__gte', 0.1), ('weight__lte', 10)), name='rule_weight_from_0_1_to_10'),
        ),
        migrations.AddConstraint(
            model_name='priorityrule',
            constraint=models.CheckConstraint(condition=models.Q(('cap__isnull', True), ('cap__gte', 1), _connector='OR'), name='rule_cap_at_least_1'),
        ),
        migrations.AddConstraint(
            model_name='priorityrule',
            constraint=models.CheckConstraint(condition=models.Q(('valid_from__isnull', True), ('valid_until__isnull', True), ('valid_from__lt', models.F('valid_until')), _connector='OR'), name='rule_valid_from_before_until'),
        ),
        migrations.AddConstraint(
            model_name='owner',
            constraint=models.CheckConstraint(condition=models.Q(('user__isnull', True), ('key__isnull', True), _connector='XOR'), name='owner_user_or_key'),
        ),
        migrations.AddConstraint(
            model_name='flow',
            constraint=models.UniqueConstraint(fields=('key',), name='flow_once_per_key'),
        ),
        migrations.AddIndex(
            model_name='processor',
            index=models.Index(condition=models.Q(('job', None)), fields=['cluster'], name='processor_idle'),
        ),
        migrations.AddIndex(
            model_name='waiting',
            index=models.Index(fields=['flow', 'job'], name='waiting_in_flow'),
        ),
        migrations.AddIndex(
            model_name='waiting',
            index=models.Index(condition=models.Q(('flow__isnull', True)), fields=['not_before'], name='waiting_for_a_moment'),
        ),
        migrations.AddIndex(
            model_name='outcome',
            index=models.Index(fields=['owner', 'number'], name='outcome_of_owner'),
        ),
        migrations.AddIndex(
            model_name='outcome',
            index=models.Index(condition=models.Q(('status', queueapp.states.Status['SUCCEEDED']), _negated=True), fields=['status', 'owner', '-job'], name='outcome_not_well'),
        ),
        migrations.AddIndex(
            model_name='outcome',
            index=django.contrib.postgres.indexes.BrinIndex(autosummarize=True, fields=['finished_at'], name='outcome_finished'),
        ),
        # Not among the options of its model, where it would be made after all operations.
        migrations.AddConstraint(
            model_name='flowstate',
            constraint=models.UniqueConstraint(fields=('flow', 'revision'), name='flowstate_newest'),
        ),
        migrations.RunSQL(TYPES, 'DROP TYPE queueapp_job_outcome, queueapp_terms CASCADE'),
        migrations.RunSQL(STORAGE, migrations.RunSQL.noop),
        migrations.RunSQL(NO_PRIMARY_KEYS, migrations.RunSQL.noop),
        migrations.RunSQL(REPLICA_IDENTITY, migrations.RunSQL.noop),
        migrations.RunSQL(NOTE_RULE_CHANGE, 'DROP FUNCTION queueapp_note_rule_change() CASCADE'),
        *(migrations.RunSQL(RULE_CHANGE.format(table), migrations.RunSQL.noop) for table in RULE_TABLES),
        migrations.RunPython(add_first_rule, migrations.RunPython.noop),
    ]
