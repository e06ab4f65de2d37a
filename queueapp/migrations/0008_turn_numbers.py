"""Turns are found by their numbers, backlogs are read from a floor, and flows have no more indexes than are read."""

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
