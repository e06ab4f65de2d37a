"""Webhooks."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

from queueapp.db.online import OnlineMigration


class Migration(OnlineMigration):

    dependencies = [
        ('queueapp', '0013_job_report'),
    ]

    operations = [
        migrations.CreateModel(
            name='Webhook',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('url', models.CharField(help_text='Each message is sent there by POST.', max_length=2000, verbose_name='address')),
                ('statuses', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('succeeded', 'succeeded'), ('failed', 'failed'), ('cancelled', 'cancelled')], max_length=10), help_text='The ends that it is told of.', size=None)),
                ('secret', models.CharField(editable=False, max_length=100)),
                ('former_secret', models.CharField(blank=True, default='', editable=False, max_length=100)),
                ('former_until', models.DateTimeField(blank=True, editable=False, help_text='Messages are signed with the former secret, too, until then.', null=True)),
                ('enabled', models.BooleanField(default=True, help_text='Whether messages are sent.')),
                ('off_reason', models.CharField(blank=True, default='', help_text='Why the queue switched it off.', max_length=500)),
                ('failures', models.PositiveIntegerField(default=0, help_text='Messages in a row that could not be delivered.')),
                ('after', models.BigIntegerField(editable=False, help_text='It is told of completions after this number.')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('owner', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='webhooks', to='queueapp.owner')),
            ],
            options={
                'ordering': ['id'],
                'constraints': [models.UniqueConstraint(fields=('owner', 'url'), name='webhook_url_once')],
            },
        ),
    ]
