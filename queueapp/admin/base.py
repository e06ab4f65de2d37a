"""What the admin's pages of the queue have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from django.contrib import admin
from django.core.paginator import Page, Paginator
from django.db import connection
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

M = TypeVar("M", bound=Model)

if TYPE_CHECKING:
    QueueAdmin = admin.ModelAdmin
    AnyPaginator = Paginator[Any]
else:
    AnyPaginator = Paginator

    class QueueAdmin(admin.ModelAdmin, Generic[M]):
        """Django's class, which takes its model as a parameter for the type checker only."""


class ReadOnlyAdmin(QueueAdmin[M]):
    """For what only the queue itself writes: it is looked at here, and never added, changed or deleted."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody has it."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Nobody has it."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Nobody has it."""
        return False


class ThriftyPaginator(AnyPaginator):
    """Pages of a table of millions of rows, without counting them.

    The pages of a whole table come from the planner's estimate. A selection of it is counted up to MOST rows,
    and only so many can be paged through.
    """

    MOST = 10_000

    @cached_property
    def count(self) -> int:
        """How many rows there are to page through: exact up to MOST."""
        rows = cast("QuerySet[Any]", self.object_list)
        # In their order, newest first: jobs that wait or run are there, and not behind millions that have ended.
        counted = rows[: self.MOST + 1].count()
        if counted <= self.MOST or rows.query.where:
            return counted
        return max(counted, _estimated_rows(rows.model))

    def page(self, number: int | str) -> Page[Any]:
        """One page. Its keys are found first, so that the rows before it are passed over without joins."""
        number = self.validate_number(number)
        rows = cast("QuerySet[Any]", self.object_list)
        begin = (number - 1) * self.per_page
        keys = list(rows.values_list("pk", flat=True)[begin : begin + self.per_page])
        return Page(rows.filter(pk__in=keys), number, self)


def _estimated_rows(model: type[Model]) -> int:
    """About how many rows the table has: those per page at its last ANALYZE, times the pages it has now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT reltuples / greatest(relpages, 1)"
            "       * (pg_relation_size(oid) / current_setting('block_size')::bigint)"
            "  FROM pg_class WHERE oid = %s::regclass AND reltuples > 0",
            [model._meta.db_table],
        )
        found = cursor.fetchone()
    return int(found[0]) if found else 0
