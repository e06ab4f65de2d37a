"""The search in the address of the page of all jobs."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse

from ..lifecycle.job_filter import ListFilter, parse_filter
from .submission import in_utc
from .whose import names_in

FIELDS = tuple(ListFilter.model_fields)
MOMENTS = ("submitted_after", "submitted_before")


def given_in(request: HttpRequest) -> dict[str, str]:
    """Return the fields of the search as they were given. Empty ones say nothing."""
    return {name: text for name in FIELDS if (text := request.GET.get(name, "").strip())}


def parse_search(given: dict[str, str]) -> ListFilter:
    """Return the search. Moments without a zone are in UTC. Raises InvalidFilter."""
    return parse_filter(ListFilter, {name: in_utc(text) if name in MOMENTS else text for name, text in given.items()})


def search_address(request: HttpRequest, given: dict[str, str], **others: str) -> str:
    """Return the address of a search, for the same owner."""
    query = urlencode({**names_in(request), **given, **others})
    return reverse("queueapp:jobs-page") + (f"?{query}" if query else "")


def same_page(request: HttpRequest, **others: str) -> str:
    """Return the address of this page of this search, without what was said on it once."""
    cursor = {name: request.GET[name] for name in ("cursor",) if name in request.GET}
    return search_address(request, given_in(request), **cursor, **others)
