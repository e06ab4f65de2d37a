"""Cursor pages of jobs, newest first."""

from __future__ import annotations

from django.db.models import QuerySet
from pydantic import BaseModel
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ..models import Job
from ..snapshots import job_dicts
from .shapes import JobShape


class JobPage(BaseModel):
    """One page; next and previous are addresses of further ones, or null."""

    next: str | None
    previous: str | None
    results: list[JobShape]


class JobPages(CursorPagination):
    """A page costs the same however deep it lies: it starts from a place in the index, not from a count."""

    ordering = "-pk"
    page_size = 100
    max_page_size = 1000
    page_size_query_param = "page_size"

    @staticmethod
    def shape() -> type[BaseModel]:
        """The schema's shape of a page."""
        return JobPage

    def answer(self, jobs: QuerySet[Job], request: Request, view: APIView) -> Response:
        """The page that the request asks for."""
        page = self.paginate_queryset(jobs, request, view) or []
        return self.get_paginated_response(job_dicts(page))
