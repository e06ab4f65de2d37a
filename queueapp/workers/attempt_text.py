"""Results and exceptions of tasks as text to store. Either may be of any class, and its methods may do anything."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from typing import Any

from ..conf import queue_settings
from ..errors import JobFailed, JobStopped
from ..lifecycle.outcome import LONGEST_ERROR
from ..storable import clean_text, cut_middle, json_text
from .shared_memory import LOG_KEPT, Kind


def result_text(value: Any) -> str:
    """Return the result as JSON text, "" for None. Raises ValueError if it is too long, else as json_text()."""
    if value is None:
        return ""
    text = json_text(value)
    if len(text) > (most := queue_settings().MAX_RESULT_CHARS):
        raise ValueError(f"The result is {len(text):,} characters as JSON; at most {most:,} are kept.")
    return text


def describe(failure: BaseException) -> tuple[Kind, str, str]:
    """Return an exception's kind, error and traceback. Raises nothing, whatever the exception's methods do."""
    kind = Kind.ERROR
    for known, is_known in _KINDS:
        if issubclass(type(failure), is_known):  # isinstance() reads __class__, which may run the task's code
            kind = known
    try:
        text = clean_text(failure, LONGEST_ERROR).strip()
    except BaseException:
        text = ""
    try:
        name = clean_text(type(failure).__name__, 200)
    except BaseException:
        name = "Exception"
    if kind != Kind.REFUSED or not text:
        text = f"{name}: {text}".rstrip(": ")
    return kind, text, "" if kind in (Kind.REFUSED, Kind.STOPPED) else _trace(failure)


_KINDS: Sequence[tuple[Kind, type[BaseException]]] = (
    (Kind.REFUSED, JobFailed),
    (Kind.OUT_OF_MEMORY, MemoryError),
    (Kind.STOPPED, JobStopped),
)


def _trace(failure: BaseException) -> str:
    try:
        lines = traceback.format_exception(failure, limit=-50)
        return cut_middle(clean_text("".join(lines), 1_000_000), LOG_KEPT)
    except BaseException:
        return ""
