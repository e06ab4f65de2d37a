"""Failed jobs that their owner has not seen yet."""

from __future__ import annotations

from django.db.models.functions import Greatest

from ..models import Outcome, Owner
from ..states import Status

MAX_UNSEEN = 1_000
"""Failures that are counted, at most. One more means: more than these."""


def unseen_failures(owner: Owner) -> int:
    """Return how many of the owner's jobs failed after the last failure that was seen, up to MAX_UNSEEN + 1."""
    unseen = Outcome.objects.filter(owner=owner, status=Status.FAILED, number__gt=owner.failures_seen)
    return unseen.order_by("number")[: MAX_UNSEEN + 1].count()


def note_seen(owner: Owner, number: int) -> None:
    """Note that the owner has seen all failures up to the completion with this number. Locks: the owner's row."""
    Owner.objects.filter(pk=owner.pk).update(failures_seen=Greatest("failures_seen", number))
