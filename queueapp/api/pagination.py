"""Cursor pages of jobs, newest first."""

from __future__ import annotations

from django.db.models import QuerySet
from pydantic import BaseModel
from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ..errors import FieldError, InvalidQuery
from ..models import Job
from ..snapshots import job_dicts
from .schemas import JobPage


class JobPages(CursorPagination):
    """A page costs the same however deep it lies: it starts from a place in the index, not from a count."""

    ordering = "-pk"
    page_size = 100
    max_page_size = 1000
    page_size_query_param = "page_size"
    SIZES = {"type": "integer", "minimum": 1, "maximum": max_page_size, "default": page_size}

    def get_page_size(self, request: Request) -> int:
        """As asked for. Raises InvalidQuery where that is none."""
        asked = str(request.query_params.get(self.page_size_query_param, self.page_size))
        if not _is_whole(asked) or not 0 < int(asked) <= self.max_page_size:
            message = f"must be a whole number from 1 to {self.max_page_size:,}"
            raise InvalidQuery([FieldError(self.page_size_query_param, message)])
        return int(asked)

    def decode_cursor(self, request: Request) -> Cursor | None:
        """Where the page begins. Raises NotFound where that is no place in a list."""
        cursor: Cursor | None = super().decode_cursor(request)
        if cursor is not None and cursor.position is not None and not _is_whole(str(cursor.position)):
            raise NotFound(self.invalid_cursor_message)
        return cursor

    @staticmethod
    def shape() -> type[BaseModel]:
        """The schema's shape of a page."""
        return JobPage

    def answer(self, jobs: QuerySet[Job], request: Request, view: APIView) -> Response:
        """The page that the request asks for."""
        page = self.paginate_queryset(jobs, request, view) or []
        return self.get_paginated_response(job_dicts(page))


def _is_whole(text: str) -> bool:
    """Whether it is a number that the database can hold."""
    return text.isascii() and text.isdecimal() and len(text) < 19
