"""What staff have paused."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('queueapp', '0004_outcome_finished'),
    ]

    operations = [
        migrations.CreateModel(
            name='Pause',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('task', models.CharField(blank=True, help_text="Jobs of this task are not started, whoever's they are.", max_length=100)),
                ('reason', models.CharField(help_text='A few words that the users concerned read, e.g. “maintenance”.', max_length=200)),
                ('since', models.DateTimeField(auto_now_add=True)),
                ('by', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('user', models.OneToOneField(blank=True, help_text='Whose jobs are not started. Leave user and task empty to pause everything.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='pause', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['since'],
                'constraints': [models.CheckConstraint(condition=models.Q(('user__isnull', True), ('task', ''), _connector='OR'), name='pause_user_or_task'), models.UniqueConstraint(condition=models.Q(('task', ''), _negated=True), fields=('task',), name='pause_once_per_task'), models.UniqueConstraint(condition=models.Q(('task', ''), ('user__isnull', True)), fields=('task',), name='pause_of_everything_once')],
            },
        ),
    ]
