"""Changes of the rules are noted in the transaction that makes them, by triggers, and users are routed until none is left.

And tables without a primary key can be published (CREATE PUBLICATION ... FOR ALL TABLES): without a replica identity no
row of theirs could be changed any more.
"""

import django.db.models.functions.datetime
from django.db import migrations, models

TABLES = ['queueapp_priorityrule', 'queueapp_priorityrule_users', 'queueapp_priorityrule_groups', 'queueapp_user_groups']

NOTE = """
    CREATE FUNCTION queueapp_note_rule_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        -- Whoever changes rules may have another search path.
        EXECUTE format('INSERT INTO %I.queueapp_rulechange DEFAULT VALUES', TG_TABLE_SCHEMA);
        RETURN NULL;
    END $$
"""
TRIGGER = """
    CREATE TRIGGER queueapp_rule_change AFTER INSERT OR UPDATE OR DELETE ON {}
    FOR EACH ROW EXECUTE FUNCTION queueapp_note_rule_change()
"""
IDENTITY = """
    DO $$ BEGIN
        EXECUTE (SELECT 'ALTER TABLE queueapp_processor REPLICA IDENTITY USING INDEX ' || indexrelid::regclass
                   FROM pg_index JOIN pg_attribute a ON a.attrelid = indrelid AND a.attnum = indkey[0]
                  WHERE indrelid = 'queueapp_processor'::regclass AND indisunique AND indimmediate
                    AND indpred IS NULL AND indnkeyatts = 1 AND a.attname = 'turn' LIMIT 1);
    END $$;
    ALTER TABLE queueapp_tally REPLICA IDENTITY USING INDEX tally_newest
"""


class Migration(migrations.Migration):

    dependencies = [
        ('queueapp', '0011_isolation'),
    ]

    operations = [
        migrations.CreateModel(
            name='RuleChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('made_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.CreateModel(
            name='Routing',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('followed', models.DateTimeField(help_text='Rules that began or ended by then were followed.', null=True)),
                ('begun', models.DateTimeField(help_text='When the pass under way began; empty: none is.', null=True)),
                ('last_user', models.BigIntegerField(default=0, help_text='The last user that the pass under way has routed.')),
            ],
        ),
        migrations.RunSQL(NOTE, 'DROP FUNCTION queueapp_note_rule_change()'),
        *(
            migrations.RunSQL(TRIGGER.format(table), f'DROP TRIGGER queueapp_rule_change ON {table}')
            for table in TABLES
        ),
        migrations.RunSQL(
            IDENTITY,
            'ALTER TABLE queueapp_processor REPLICA IDENTITY DEFAULT; ALTER TABLE queueapp_tally REPLICA IDENTITY DEFAULT',
        ),
    ]
