"""Actions on jobs, from their list and from the page of one: cancel or stop them, try them again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from queueapp.db.conflicts import retried
from queueapp.errors import NotCancellable, NotRetryable
from queueapp.lifecycle.cancel import cancel
from queueapp.lifecycle.retry import try_again
from queueapp.models import Job, Processor, Waiting
from queueapp.states import RETRYABLE

from ..base import QueueAdmin

MAX_JOBS = 1_000
"""Jobs of one action, at most. Each is a transaction of its own; more of them would outlast a request."""


class JobActions(QueueAdmin[Job]):
    """The actions, and the permission that they need."""

    actions = ("cancel_selected", "try_again_selected")

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Whether the user may change jobs. The actions are the only changes that there are."""
        return request.user.has_perm("queueapp.change_job")

    @admin.action(description="Cancel selected jobs; those that run are asked to stop", permissions=["act"])
    def cancel_selected(self, request: HttpRequest, queryset: QuerySet[Job]) -> HttpResponse | None:
        """Cancel waiting jobs and ask running ones to stop, in the order of submission. Leave the others alone."""
        waiting = queryset.filter(pk__in=Waiting.objects.values("job"))
        taken = queryset.filter(pk__in=_in_turns())
        why = "only a job that waits or runs can be cancelled"
        self._each(request, queryset, [waiting, taken], cancel, done="cancelled", why=why)
        return self._back(request)

    @admin.action(description="Try selected failed and cancelled jobs again", permissions=["act"])
    def try_again_selected(self, request: HttpRequest, queryset: QuerySet[Job]) -> HttpResponse | None:
        """Put failed and cancelled jobs back into their places in the queue. Leave the others alone."""
        ended = queryset.filter(outcome__status__in=RETRYABLE)
        why = "only a job that failed or was cancelled can be tried again"
        self._each(request, queryset, [ended], try_again, done="put back into the queue", why=why)
        return self._back(request)

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Job | None = None,
    ) -> HttpResponse:
        """Return the page of one job, with the actions that it allows."""
        if obj is not None and self.has_act_permission(request):
            context |= {"cancellable": obj.ended is None, "retryable": obj.status in RETRYABLE}
        return super().render_change_form(request, context, add, change, form_url, obj)

    def _back(self, request: HttpRequest) -> HttpResponse | None:
        """Return a redirect to the job's page if the action came from there. None: to the list."""
        job = request.POST.get("page_of", "")
        return redirect("admin:queueapp_job_change", job) if job.isdecimal() else None

    def _each(
        self,
        request: HttpRequest,
        selected: QuerySet[Job],
        able: Iterable[QuerySet[Job]],
        act: Callable[[Job], Any],
        *,
        done: str,
        why: str,
    ) -> None:
        """Act on at most MAX_JOBS jobs, in the order of submission, and report on all selected ones.

        `able`: the selected jobs that allow the action.
        """
        found = {job.pk: job for jobs in able for job in jobs.order_by("pk")[: MAX_JOBS + 1]}
        chosen = [found[key] for key in sorted(found)][: MAX_JOBS + 1]
        more = len(chosen) > MAX_JOBS
        # Count before acting: a list filtered by status loses the jobs that leave it.
        many = len(chosen) if more else selected.count()
        acted = Counter(self._act(request, job, act, done) for job in chosen[:MAX_JOBS])
        acted.pop("", None)
        for words, times in acted.items():
            messages.success(request, f"{_jobs(times)} {words}.")
        if more:
            messages.warning(request, f"Only {MAX_JOBS:,} are {done} at a time, and more are selected: repeat.")
        elif left := many - acted.total():
            messages.warning(request, f"{_jobs(left)} left alone: {why}.")

    def _act(self, request: HttpRequest, job: Job, act: Callable[[Job], Any], done: str) -> str:
        """Act, write it to the admin's log in the same transaction, and return it in words. Empty: nothing was done."""

        @transaction.atomic
        def work() -> str:
            word = done if act(job) is not False else "asked to stop"  # False: the job runs
            self.log_change(request, job, f"{word.capitalize()}.")
            return word

        try:
            return retried(work)
        except (NotCancellable, NotRetryable):
            return ""


def _in_turns() -> list[int]:
    """Return the jobs in processors' turns, started or not: at most MAX_TURN_JOBS each."""
    return [job for jobs in Processor.objects.working().values_list("jobs", flat=True) for job in jobs]


def _jobs(number: int) -> str:
    return "1 job was" if number == 1 else f"{number:,} jobs were"
