"""Filters of the log."""

from __future__ import annotations

import logging
from collections.abc import Callable


def one_line() -> Callable[[logging.LogRecord], bool]:
    """Return a logging filter that passes every record without its traceback, for errors that any client can cause."""

    def shorten(record: logging.LogRecord) -> bool:
        record.exc_info = None
        return True

    return shorten
