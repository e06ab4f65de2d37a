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
    """Cursor pages: each starts from a place in the index, so a deep page costs no more than the first."""

    ordering = "-pk"
    page_size = 100
    max_page_size = 1000
    page_size_query_param = "page_size"
    SIZES = {"type": "integer", "minimum": 1, "maximum": max_page_size, "default": page_size}

    def get_page_size(self, request: Request) -> int:
        """Return the page size. Raises InvalidQuery if it is not one."""
        asked = str(request.query_params.get(self.page_size_query_param, self.page_size))
        if not _is_whole(asked) or not 0 < int(asked) <= self.max_page_size:
            message = f"must be a whole number from 1 to {self.max_page_size:,}"
            raise InvalidQuery([FieldError(self.page_size_query_param, message)])
        return int(asked)

    def decode_cursor(self, request: Request) -> Cursor | None:
        """Return where the page begins. Raises NotFound if the cursor is not one."""
        cursor: Cursor | None = super().decode_cursor(request)
        if cursor is not None and cursor.position is not None and not _is_whole(str(cursor.position)):
            raise NotFound(self.invalid_cursor_message)
        return cursor

    @staticmethod
    def shape() -> type[BaseModel]:
        """Return the model of a page, for the schema."""
        return JobPage

    def answer(self, jobs: QuerySet[Job], request: Request, view: APIView) -> Response:
        """Return the page that the request asks for."""
        page = self.paginate_queryset(jobs, request, view) or []
        return self.get_paginated_response(job_dicts(page))


def _is_whole(text: str) -> bool:
    """Whether the text is a number that the database can hold."""
    return text.isascii() and text.isdecimal() and len(text) < 19
