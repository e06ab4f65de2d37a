"""API keys."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from queueapp.db.online import OnlineMigration


class Migration(OnlineMigration):

    dependencies = [
        ('queueapp', '0009_signal_cursor'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ApiKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='What its user calls it.', max_length=100)),
                ('prefix', models.CharField(db_collation='C', help_text='How the key begins. Not secret; it identifies the key.', max_length=16, unique=True)),
                ('digest', models.CharField(editable=False, help_text='SHA-256 of the whole key, in hex.', max_length=64)),
                ('scopes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('submit', 'submit jobs'), ('read', 'see jobs, queue and events'), ('cancel', 'cancel and retry jobs'), ('staff', 'do so for other users and fairness keys')], max_length=10), help_text='What it may do.', size=None)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('expires_at', models.DateTimeField(blank=True, help_text='It works until then. Empty: for ever.', null=True)),
                ('last_used_at', models.DateTimeField(blank=True, help_text='To the minute. Empty: never.', null=True)),
                ('user', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='queue_api_keys', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'API key',
                'ordering': ['name'],
                'constraints': [models.UniqueConstraint(fields=('user', 'name'), name='api_key_name_once')],
            },
        ),
    ]
