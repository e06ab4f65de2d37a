"""Writes what staff did to the queue, or to others' jobs, into the admin's history; without an admin, into the log."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from django.apps import apps
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Model

from ..models import Job, Owner

logger = logging.getLogger(__name__)

MAX_FILTER = 1_000


def note_job(by: AbstractBaseUser, job: Job, what: str) -> None:
    """Add an entry to a job's history, unless its owner acted. One statement."""
    if by.pk != job.owner.user_id:
        note(by, job, f"{what} through the API.")


def note_submitted(by: AbstractBaseUser, jobs: Mapping[Owner, int]) -> None:
    """Add to the history of each other owner how many jobs were submitted in that name."""
    for owner, many in jobs.items():
        if by.pk != owner.user_id:
            note(by, owner, f"Submitted {many:,} {'job' if many == 1 else 'jobs'} in this name.")


def note_matching(by: AbstractBaseUser, owner: Owner, what: str, asked: str, *, always: bool = False) -> None:
    """Add to an owner's history which jobs were meant: the filter, cut after MAX_FILTER characters.

    Not if the owner acted, unless `always`.
    """
    if always or by.pk != owner.user_id:
        cut = f"{asked[:MAX_FILTER]}..." if len(asked) > MAX_FILTER else asked
        note(by, owner, f"{what}: the jobs that match {cut}.")


def note(by: AbstractBaseUser, what: Model, words: str) -> None:
    """Add an entry to the history of a thing. One statement."""
    if not apps.is_installed("django.contrib.admin"):
        logger.info("%s: %s (%s)", by.get_username(), words, what)
        return
    from django.contrib.admin.models import CHANGE, LogEntry

    LogEntry.objects.log_actions(by.pk, [what], CHANGE, words, single_object=True)
