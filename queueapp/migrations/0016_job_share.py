"""Links by which somebody without an account sees one job."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

from queueapp.db.online import OnlineMigration


class Migration(OnlineMigration):

    dependencies = [
        ('queueapp', '0015_digest'),
    ]

    operations = [
        migrations.CreateModel(
            name='JobShare',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(db_collation='C', editable=False, help_text='SHA-256 of the secret, in hex.', max_length=64, unique=True)),
                ('shows', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('text', 'what its task says: messages, stages, note, errors and log'), ('result', 'result'), ('payload', 'payload')], max_length=10), help_text='What it shows, too.', size=None)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('expires_at', models.DateTimeField(help_text='It works until then.')),
                ('job', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='shares', to='queueapp.job')),
            ],
            options={
                'ordering': ['expires_at', 'pk'],
            },
        ),
    ]
