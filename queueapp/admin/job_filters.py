"""What the list of jobs can be narrowed to. The choices come from the code, not from millions of rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from queueapp.models.job import JobQuerySet
from queueapp.registry import task_names
from queueapp.states import Status


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
        return cast("JobQuerySet", queryset).in_state(chosen[0]) if chosen else queryset


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
