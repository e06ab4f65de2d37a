"""What ended since a moment is found without looking at every outcome there is."""

import django.contrib.postgres.indexes
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("queueapp", "0003_everyone_takes_turns")]

    operations = [
        # Readers: snapshots/shares.sql (since a moment) and lifecycle/maintenance/prune.py (before one). Outcomes are written in
        # about the order in which jobs end: each range of pages is a range of moments, and to know these takes a few kB.
        migrations.AddIndex(
            model_name="outcome",
            index=django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True, fields=["finished_at"], name="outcome_finished"
            ),
        ),
    ]
