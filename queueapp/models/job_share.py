"""Links by which somebody without an account sees one job."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy

from .job import Job


class Shows(models.TextChoices):
    """What a link shows beside the job's state, progress and times."""

    TEXT = "text", gettext_lazy("what its task says: messages, stages, note, errors and log")
    RESULT = "result", gettext_lazy("result")
    PAYLOAD = "payload", gettext_lazy("payload")


class JobShare(models.Model):
    """A link to one job, to read: what it shows, until when, and the hash of its secret. Revoking it deletes the row.

    The secret is shown once and kept nowhere. As of API keys, its hash is SHA-256. Written by lifecycle/shares.py,
    and deleted with the job by prune.py.
    """

    job = models.ForeignKey(Job, on_delete=models.CASCADE, db_constraint=False, related_name="shares")
    digest = models.CharField(
        max_length=64, unique=True, db_collation="C", editable=False, help_text="SHA-256 of the secret, in hex."
    )
    shows = ArrayField(models.CharField(max_length=10, choices=Shows.choices), help_text="What it shows, too.")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(help_text="It works until then.")

    class Meta:
        ordering = ["expires_at", "pk"]

    def __str__(self) -> str:
        return f"share {self.pk} of {self.job_id}"
