"""A B-tree index by which outcomes are found that are not in the totals yet, however many have just come."""

import django.contrib.postgres.indexes
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import models

from queueapp.db.online import OnlineMigration


class Migration(OnlineMigration):

    atomic = False  # CONCURRENTLY: settlements go on

    dependencies = [
        ('queueapp', '0021_owner_total'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='outcome',
            index=models.Index(fields=['number'], name='outcome_number'),
        ),
        AddIndexConcurrently(
            model_name='outcome',
            index=django.contrib.postgres.indexes.BrinIndex(autosummarize=True, fields=['finished_at'], name='outcome_finished'),
        ),
        RemoveIndexConcurrently(
            model_name='outcome',
            name='outcome_ended',
        ),
    ]
