"""Pages of jobs: an address of the next one in the body, and in the Link header (RFC 8288)."""

from __future__ import annotations

from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from ..errors import FieldError, InvalidQuery
from ..lifecycle.job_filter import ListFilter
from ..models import Owner
from ..snapshots import Place, count_jobs, find_jobs

PAGE_SIZE, MAX_PAGE_SIZE = 100, 1000
SIZES = {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": PAGE_SIZE}


def job_page(request: Request, owner: Owner, asked: ListFilter) -> Response:
    """Return the page that the request asks for. Raises NotFound if its cursor is none, and InvalidQuery."""
    text = request.query_params.get("cursor")
    size = whole_number(request, "page_size", PAGE_SIZE, least=1, most=MAX_PAGE_SIZE)
    place = Place.parse(text) if text else None
    if text and place is None:
        raise NotFound("The cursor is not one that a page has given.")
    page = find_jobs(owner.pk, asked.model_dump(exclude_unset=True), place, size)
    following, previous = (_address(request, neighbour) for neighbour in (page.next, page.previous))
    counts = None if text else count_jobs(owner.pk)
    body = {"next": following, "previous": previous, "counts": counts, "results": page.jobs}
    return Response(body, headers=_links(following, previous))


def whole_number(request: Request, name: str, default: int, *, least: int, most: int) -> int:
    """Return a parameter of the query that is a whole number. Raises InvalidQuery."""
    asked = str(request.query_params.get(name, default))
    if not (asked.isascii() and asked.isdecimal() and len(asked) < 19 and least <= int(asked) <= most):
        raise InvalidQuery([FieldError(name, f"must be a whole number from {least:,} to {most:,}")])
    return int(asked)


def _address(request: Request, place: Place | None) -> str | None:
    here = request.build_absolute_uri()
    return None if place is None else str(replace_query_param(here, "cursor", str(place)))


def _links(following: str | None, previous: str | None) -> dict[str, str]:
    links = [f'<{address}>; rel="{rel}"' for address, rel in ((following, "next"), (previous, "prev")) if address]
    return {"Link": ", ".join(links)} if links else {}
