"""Base classes of the admin's pages: read-only pages, and lists of very large tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from django.contrib import admin
from django.contrib.admin import AdminSite
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_user_model
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
        """Django's class. The model is a type parameter for the type checker only."""


def finds_users(site: AdminSite, request: HttpRequest) -> bool:
    """Whether a form can search users as staff type: the admin has a searchable page of users that they may view."""
    model = get_user_model()
    if not site.is_registered(model):
        return False
    page = site.get_model_admin(model)
    return bool(page.get_search_fields(request)) and page.has_view_permission(request)


class ReadOnlyAdmin(QueueAdmin[M]):
    """A page of what only the queue itself writes. Nobody can add, change or delete it here."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False


class EstimatedCountPaginator(AnyPaginator):
    """Pages of a table of millions of rows, without counting them.

    A page holds keys; EstimatedCountChangeList finds their rows. The number of rows of a whole table is the planner's
    estimate if there are more than MAX_COUNTED. A selection is counted up to MAX_COUNTED + 1 rows;
    only these have pages.
    """

    MAX_COUNTED = 2_000
    """Forty pages of fifty. Further rows are found by a search or another filter."""

    @cached_property
    def first_keys(self) -> list[Any]:
        """The keys of the first MAX_COUNTED + 1 rows, in their order. One query serves both the count and the pages."""
        return self._keys(0, self.MAX_COUNTED + 1)

    @cached_property
    def count(self) -> int:
        """The number of rows to page through: exact up to MAX_COUNTED."""
        rows = cast("QuerySet[Any]", self.object_list)
        counted = len(self.first_keys)
        if counted <= self.MAX_COUNTED or rows.query.where:
            return counted
        return max(counted, _estimated_rows(rows.model))

    def page(self, number: int | str) -> Page[Any]:
        """Return one page of keys, skipping the rows before it without select_related's joins. Raises InvalidPage."""
        number = self.validate_number(number)
        begin, end = (number - 1) * self.per_page, number * self.per_page
        keys = self.first_keys[begin:end] if end <= len(self.first_keys) else self._keys(begin, end)
        return Page(keys, number, self)

    def _keys(self, begin: int, end: int) -> list[Any]:
        return list(cast("QuerySet[Any]", self.object_list).values_list("pk", flat=True)[begin:end])


class EstimatedCountChangeList(ChangeList):
    """A list with an EstimatedCountPaginator. It searches once; Django counts, and then searches again."""

    def get_results(self, request: HttpRequest) -> None:
        """Find the page as Django does, then the rows of its keys."""
        super().get_results(request)
        on_one_page = not self.multi_page or (self.show_all and self.can_show_all)
        keys = cast(EstimatedCountPaginator, self.paginator).first_keys if on_one_page else self.result_list
        self.result_list = self.root_queryset.filter(pk__in=keys).order_by(*self.queryset.query.order_by)


def _estimated_rows(model: type[Model]) -> int:
    """Return about how many rows a table has: rows per page at its last ANALYZE, times its pages now. 0: unknown."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT reltuples / greatest(relpages, 1)"
            "       * (pg_relation_size(oid) / current_setting('block_size')::bigint)"
            "  FROM pg_class WHERE oid = %s::regclass AND reltuples > 0",
            [model._meta.db_table],
        )
        found = cursor.fetchone()
    return int(found[0]) if found else 0
