"""What staff do with jobs from their list: cancel those that wait, try again those that failed or were cancelled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from queueapp.errors import NotEnded, NotWaiting
from queueapp.lifecycle.cancel import cancel
from queueapp.lifecycle.retry import retried
from queueapp.lifecycle.try_again import try_again
from queueapp.models import Job, Waiting
from queueapp.states import RETRYABLE

from .base import QueueAdmin

MOST_AT_ONCE = 1_000
"""Each job is a transaction of its own; more of them would outlast a request."""


class JobActions(QueueAdmin[Job]):
    """The actions, and who may use them."""

    actions = ("cancel_selected", "try_again_selected")

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Whether the user may change jobs; the actions are the only changes that there are."""
        return request.user.has_perm("queueapp.change_job")

    @admin.action(description="Cancel selected waiting jobs", permissions=["act"])
    def cancel_selected(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        """Cancel those that wait, in the order of submission, and leave the others alone."""
        waiting = queryset.filter(pk__in=Waiting.objects.values("job"))
        why = "only a job that still waits can be cancelled"
        self._each(request, queryset, waiting, cancel, done="cancelled", why=why)

    @admin.action(description="Try selected failed and cancelled jobs again", permissions=["act"])
    def try_again_selected(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        """Let those that failed or were cancelled wait again, in their places, and leave the others alone."""
        ended = queryset.filter(outcome__status__in=RETRYABLE)
        why = "only a job that failed or was cancelled can be tried again"
        self._each(request, queryset, ended, try_again, done="put back into the queue", why=why)

    def _each(
        self,
        request: HttpRequest,
        selected: QuerySet[Job],
        able: QuerySet[Job],
        act: Callable[[Job], Any],
        *,
        done: str,
        why: str,
    ) -> None:
        """Act on each job that is able, first submitted first, and say what became of the selected ones."""
        chosen = list(able.order_by("pk")[: MOST_AT_ONCE + 1])
        more = len(chosen) > MOST_AT_ONCE
        # Counted before: a list narrowed to a state no longer has the jobs that have left it.
        many = len(chosen) if more else selected.count()
        acted = sum(self._act(request, job, act, done) for job in chosen[:MOST_AT_ONCE])
        if acted:
            messages.success(request, f"{_jobs(acted)} {done}.")
        if more:
            messages.warning(request, f"Only {MOST_AT_ONCE:,} are {done} at a time, and more are selected: repeat.")
        elif left := many - acted:
            messages.warning(request, f"{_jobs(left)} left alone: {why}.")

    def _act(self, request: HttpRequest, job: Job, act: Callable[[Job], Any], done: str) -> bool:
        """Whether it was done; it is then in the admin's log too, in the same transaction."""

        @transaction.atomic
        def work() -> None:
            # False: a processor has just begun with it, and stops.
            word = done if act(job) is not False else "asked to stop"
            self.log_change(request, job, f"{word.capitalize()}.")

        try:
            retried(work)
        except (NotWaiting, NotEnded):
            return False
        return True


def _jobs(number: int) -> str:
    return "1 job was" if number == 1 else f"{number:,} jobs were"
