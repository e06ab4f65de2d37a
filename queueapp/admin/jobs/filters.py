"""What the list of jobs can be narrowed to. The choices come from the code, not from millions of rows."""

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
    """By where a job is now."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """The states."""
        return [(status, status.value) for status in Status]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The jobs in the chosen state; all of them, where it is not one."""
        chosen = [status for status in Status if status == self.value()]
        if not chosen:
            return queryset
        if request.GET.get(SEARCH_VAR) or chosen[0] == Status.RUNNING:
            return cast("JobQuerySet", queryset).in_state(chosen[0])
        return self._of_everybody(queryset, chosen[0])

    def _of_everybody(self, queryset: QuerySet[Any], status: Status) -> QuerySet[Any]:
        """The same without naming owners, which helps to find one owner's jobs.

        Where all are meant, the planner takes it that few jobs have the right owner, and begins by looking at all.
        Jobs of a turn that are about to start are left out: within a tenth of a second they run or wait again.
        """
        if status in FINISHED:
            return queryset.filter(outcome__status=status)
        return queryset.filter(pk__in=Waiting.objects.values("job"))


class TaskFilter(admin.SimpleListFilter):
    """By the task that a job runs."""

    title = "task"
    parameter_name = "task"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """The tasks that are registered now."""
        return [(name, name) for name in task_names()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The jobs that run the chosen task."""
        return queryset.filter(task=self.value()) if self.value() else queryset
