"""What of the log is shortened."""

from __future__ import annotations

import logging
from collections.abc import Callable


def one_line() -> Callable[[logging.LogRecord], bool]:
    """A filter of logging that lets everything pass, without its traceback: for what anybody can bring about."""

    def shorten(record: logging.LogRecord) -> bool:
        record.exc_info = None
        return True

    return shorten
