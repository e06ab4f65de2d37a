"""Writes what staff did with others' jobs through the API into the admin's history; without an admin, the log."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from django.apps import apps
from django.contrib.auth.models import AbstractBaseUser

from ..models import Job, Owner

logger = logging.getLogger(__name__)

MAX_FILTER = 1_000


def note_job(by: AbstractBaseUser, job: Job, what: str) -> None:
    """Add an entry to a job's history, unless its owner acted. One statement."""
    if by.pk != job.owner.user_id:
        _note(by, job, f"{what} through the API.")


def note_submitted(by: AbstractBaseUser, jobs: Mapping[Owner, int]) -> None:
    """Add to the history of each other owner how many jobs were submitted in that name."""
    for owner, many in jobs.items():
        if by.pk != owner.user_id:
            _note(by, owner, f"Submitted {many:,} {'job' if many == 1 else 'jobs'} in this name.")


def note_matching(by: AbstractBaseUser, owner: Owner, what: str, asked: str) -> None:
    """Add to another owner's history which jobs were meant: the filter, cut after MAX_FILTER characters."""
    if by.pk != owner.user_id:
        cut = f"{asked[:MAX_FILTER]}..." if len(asked) > MAX_FILTER else asked
        _note(by, owner, f"{what} through the API: the jobs that match {cut}.")


def _note(by: AbstractBaseUser, what: Job | Owner, words: str) -> None:
    if not apps.is_installed("django.contrib.admin"):
        logger.info("%s: %s (%s)", by.get_username(), words, what)
        return
    from django.contrib.admin.models import CHANGE, LogEntry

    LogEntry.objects.log_actions(by.pk, [what], CHANGE, words, single_object=True)
