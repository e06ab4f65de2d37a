"""The index by which outcomes are found that are not in the totals yet, beside those that ended in a span."""

import django.contrib.postgres.indexes
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently

from queueapp.db.online import OnlineMigration


class Migration(OnlineMigration):

    atomic = False  # CONCURRENTLY: settlements go on

    dependencies = [
        ('queueapp', '0004_totals'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='outcome',
            index=django.contrib.postgres.indexes.BrinIndex(autosummarize=True, fields=['finished_at', 'number'], name='outcome_ended'),
        ),
        RemoveIndexConcurrently(
            model_name='outcome',
            name='outcome_finished',
        ),
    ]
