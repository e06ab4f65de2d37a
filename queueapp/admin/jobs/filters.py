"""Filters of the list of jobs. The choices come from the code, not from millions of rows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, cast

from django.contrib import admin
from django.contrib.admin.views.main import SEARCH_VAR
from django.db.models import QuerySet
from django.http import HttpRequest

from queueapp.models import Outcome, Processor, Waiting, database_now
from queueapp.models.job import JobQuerySet
from queueapp.registry import task_names
from queueapp.snapshots.shares import last_job
from queueapp.states import FINISHED, Status

MAX_COUNTED = 10_000
"""Jobs of one state that are counted, at most."""


def _counts() -> dict[Status, str]:
    """Return how many jobs of everybody are in these states, up to MAX_COUNTED of each. Four queries."""
    not_well = {status: Outcome.objects.filter(status=status) for status in (Status.FAILED, Status.CANCELLED)}
    found: dict[Status, QuerySet[Any]] = {Status.QUEUED: Waiting.objects.all(), **not_well}
    counts = {status: rows.order_by()[: MAX_COUNTED + 1].count() for status, rows in found.items()}
    counts[Status.RUNNING] = Processor.objects.working().count()
    return {status: f"{MAX_COUNTED:,}+" if many > MAX_COUNTED else f"{many:,}" for status, many in counts.items()}


class StatusFilter(admin.SimpleListFilter):
    """Filter by the present status of a job."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """Return the states, with the numbers of jobs where an index has them."""
        counts = _counts()
        return [(one, f"{one.value} ({counts[one]})" if one in counts else one.value) for one in Status]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the jobs with the chosen status; all jobs if there is no such status."""
        chosen = [status for status in Status if status == self.value()]
        if not chosen:
            return queryset
        if request.GET.get(SEARCH_VAR) or chosen[0] == Status.RUNNING:
            return cast("JobQuerySet", queryset).in_state(chosen[0])
        return self._of_everybody(queryset, chosen[0])

    def _of_everybody(self, queryset: QuerySet[Any], status: Status) -> QuerySet[Any]:
        """Return the same without a condition on owners, which helps only to find one owner's jobs.

        Over all owners' jobs, the planner expects that few meet it, and begins with a scan of all jobs. Jobs of a turn
        that have not started are left out: within a tenth of a second they run or wait again.
        """
        if status in FINISHED:
            return queryset.filter(outcome__status=status)
        return queryset.filter(pk__in=Waiting.objects.values("job"))


class TaskFilter(admin.SimpleListFilter):
    """Filter by the task of a job."""

    title = "task"
    parameter_name = "task"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """Return the tasks that are registered now."""
        return [(name, name) for name in task_names(internal=True)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the jobs of the chosen task; all jobs if none is chosen."""
        return queryset.filter(task=self.value()) if self.value() else queryset


class SubmittedFilter(admin.SimpleListFilter):
    """Filter by the moment of submission."""

    title = "submitted"
    parameter_name = "submitted"
    SPANS = {
        "hour": ("in the last hour", timedelta(hours=1)),
        "day": ("in the last 24 hours", timedelta(days=1)),
        "week": ("in the last 7 days", timedelta(days=7)),
        "month": ("in the last 30 days", timedelta(days=30)),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(name, words) for name, (words, _) in self.SPANS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the jobs of the span. By id, too, which has an index: ids are in about the order of submission."""
        if self.value() not in self.SPANS:
            return queryset
        begin = database_now() - self.SPANS[str(self.value())][1]
        return queryset.filter(submitted_at__gte=begin, pk__gt=last_job(begin - 2 * timedelta(minutes=1)))
