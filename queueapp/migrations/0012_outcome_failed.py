"""The index by which failures are found that the owner has not seen yet."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import models

from queueapp.db.online import OnlineMigration


class Migration(OnlineMigration):

    atomic = False  # CONCURRENTLY: settlements go on

    dependencies = [
        ('queueapp', '0011_owner_failures_seen'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='outcome',
            index=models.Index(condition=models.Q(('status', 'failed')), fields=['owner', 'number'], name='outcome_failed'),
        ),
    ]
