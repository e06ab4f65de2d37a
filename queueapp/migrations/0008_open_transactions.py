"""An open transaction elsewhere keeps old versions of rows from being cleared away: they are not walked any more.

Turns are found by their numbers, backlogs are read from a floor and the order of the flows from a horizon; and flows have
no more indexes than are read.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('queueapp', '0007_hot_rows'),
    ]

    operations = [
        migrations.RunSQL('CREATE SEQUENCE queueapp_turn_number', 'DROP SEQUENCE queueapp_turn_number'),
        migrations.RunSQL("UPDATE queueapp_processor SET turn = nextval('queueapp_turn_number')", migrations.RunSQL.noop),
        migrations.AlterField(
            model_name='processor',
            name='turn',
            field=models.BigIntegerField(db_default=models.Func(models.Value('queueapp_turn_number'), function='nextval'), editable=False, unique=True),
        ),
        migrations.AddIndex(
            model_name='processor',
            index=models.Index(condition=models.Q(('job', None)), fields=['cluster'], name='processor_idle'),
        ),
        migrations.RunSQL(
            'ALTER TABLE queueapp_processor DROP CONSTRAINT queueapp_processor_pkey;'
            ' CREATE INDEX queueapp_processor_id ON queueapp_processor (id)',
            'DROP INDEX queueapp_processor_id; ALTER TABLE queueapp_processor ADD PRIMARY KEY (id)',
        ),
        migrations.AddField(
            model_name='processor',
            name='worked',
            field=models.FloatField(default=0.0, db_default=0.0, help_text='Processor seconds that the turn is known to have cost so far.'),
        ),
        migrations.CreateModel(
            name='Horizon',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('vtime', models.FloatField(verbose_name='virtual time')),
            ],
        ),
        migrations.AddField(
            model_name='flow',
            name='floor',
            field=models.BigIntegerField(default=0, db_default=0, help_text='No job of its backlog is below, now or later: the look for its first one begins here.'),
        ),
        migrations.AlterField(
            model_name='flow',
            name='key',
            field=models.CharField(help_text='Which rule and which user it stands for.', max_length=64),
        ),
        migrations.AddConstraint(
            model_name='flow',
            constraint=models.UniqueConstraint(fields=('key',), name='flow_once_per_key'),
        ),
        migrations.AlterField(
            model_name='flow',
            name='rule',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='flows', to='queueapp.priorityrule'),
        ),
        migrations.AlterField(
            model_name='flow',
            name='user',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='own_flows', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddIndex(
            model_name='flow',
            index=models.Index(condition=models.Q(('held', True)), fields=['user'], name='flow_held'),
        ),
    ]
