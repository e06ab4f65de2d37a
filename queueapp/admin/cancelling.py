"""The action that cancels jobs from their list."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from queueapp.errors import NotWaiting
from queueapp.lifecycle.cancel import cancel
from queueapp.lifecycle.retry import retried
from queueapp.models import Job, Waiting

from .base import QueueAdmin

MOST_AT_ONCE = 1_000
"""Each cancellation is a transaction of its own; more of them would outlast a request."""


class CancelAction(QueueAdmin[Job]):
    """The action "Cancel selected waiting jobs" and who may use it."""

    actions = ("cancel_selected",)

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        """Whether the user may change jobs; to cancel is the only change that there is."""
        return request.user.has_perm("queueapp.change_job")

    @admin.action(description="Cancel selected waiting jobs", permissions=["cancel"])
    def cancel_selected(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        """Cancel those that wait, in the order of submission, and leave the others alone."""
        waiting = queryset.filter(pk__in=Waiting.objects.values("job")).order_by("pk")
        chosen = list(waiting[: MOST_AT_ONCE + 1])
        more = len(chosen) > MOST_AT_ONCE
        # Counted before: a list narrowed to queued jobs no longer has those that were cancelled.
        selected = len(chosen) if more else queryset.count()
        cancelled = sum(self._cancel(request, job) for job in chosen[:MOST_AT_ONCE])
        if cancelled:
            messages.success(request, f"{_jobs(cancelled)} cancelled.")
        if more:
            messages.warning(
                request,
                f"Only {MOST_AT_ONCE:,} are cancelled at a time, and more of the selected jobs wait: repeat.",
            )
        elif left := selected - cancelled:
            messages.warning(request, f"{_jobs(left)} left alone: only a job that still waits can be cancelled.")

    def _cancel(self, request: HttpRequest, job: Job) -> bool:
        """Whether the job was cancelled; it is then in the admin's log too, in the same transaction."""

        @transaction.atomic
        def work() -> None:
            cancel(job)
            self.log_change(request, job, "Cancelled.")

        try:
            retried(work)
        except NotWaiting:
            return False
        return True


def _jobs(number: int) -> str:
    return "1 job was" if number == 1 else f"{number:,} jobs were"
