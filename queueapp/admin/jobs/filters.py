"""Filters of the list of jobs. The choices come from the code, not from millions of rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from django.contrib import admin
from django.contrib.admin.views.main import SEARCH_VAR
from django.db.models import QuerySet
from django.http import HttpRequest

from queueapp.models import Waiting
from queueapp.models.job import JobQuerySet
from queueapp.registry import task_names
from queueapp.states import FINISHED, Status


class StatusFilter(admin.SimpleListFilter):
    """Filter by the present status of a job."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(status, status.value) for status in Status]

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
