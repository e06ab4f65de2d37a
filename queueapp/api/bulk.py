"""A turn to read a bulk request, a submission or a filter, for the API: see limits/bulk.py."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from rest_framework.exceptions import APIException

from ..limits import bulk


class Busy(APIException):
    """As many bulk requests as may are being read."""

    status_code = 503
    default_detail = "Other bulk requests are being read. Nothing was changed; try again."
    wait = 5
    """Seconds in Retry-After."""


@contextmanager
def bulk_turn() -> Iterator[None]:
    """Wait for a turn to read a bulk request. Raises Busy after BULK_WAIT_SECONDS."""
    with ExitStack() as held:
        try:
            held.enter_context(bulk.bulk_turn())
        except bulk.Busy:
            raise Busy from None
        yield
