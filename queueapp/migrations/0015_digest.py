"""E-mail digests."""

import django.db.models.deletion
from django.db import migrations, models

from queueapp.db.online import OnlineMigration


class Migration(OnlineMigration):

    dependencies = [
        ('queueapp', '0014_webhook'),
    ]

    operations = [
        migrations.CreateModel(
            name='Digest',
            fields=[
                ('owner', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='digest', serialize=False, to='queueapp.owner')),
                ('period', models.CharField(choices=[('hourly', 'once an hour'), ('daily', 'once a day')], max_length=10)),
                ('number', models.BigIntegerField(help_text='Completions up to this number were told, or are not to be.')),
                ('next_at', models.DateTimeField(db_index=True, help_text='When the next one is due.')),
                ('page', models.CharField(help_text='Where the owner made the choice: links begin as it does.', max_length=500)),
            ],
        ),
    ]
