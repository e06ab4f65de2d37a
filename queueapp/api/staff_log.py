"""The admin's history of what staff did with other users' jobs through the API; the admin writes its own."""

from __future__ import annotations

from collections.abc import Mapping

from django.contrib.admin.models import CHANGE, LogEntry

from ..models import Job, User


def note_job(by: User, job: Job, what: str) -> None:
    """Note in the history of a job what was done with it, unless that was its owner. One statement."""
    if by.pk != job.owner_id:
        _note(by, job, f"{what} through the API.")


def note_submitted(by: User, jobs: Mapping[User, int]) -> None:
    """Note in the history of each other user how many jobs were submitted in their name."""
    for owner, many in jobs.items():
        if by.pk != owner.pk:
            _note(by, owner, f"Submitted {many:,} {'job' if many == 1 else 'jobs'} in this user's name.")


def _note(by: User, what: Job | User, words: str) -> None:
    LogEntry.objects.log_actions(by.pk, [what], CHANGE, words, single_object=True)
