"""Reads logs of shared computers in the Standard Workload Format, which has one job per line.

https://www.cs.huji.ac.il/labs/parallel/workload/swf.html
"""

from __future__ import annotations

import gzip
import io
import math
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO, TypeVar

from django.utils.translation import gettext

from .i18n import whole_number

N = TypeVar("N", int, float)

FIELDS = 18
"""Fields of a line. More are ignored, as some programs add their own. Fewer make the line malformed."""
LONGEST_LINE = 10_000
"""Maximum characters read of a line, so that a file without line ends does not fill the memory. A job's line that is
longer is malformed."""
LONGEST_NUMBER = 100
"""Maximum characters of a number. A longer one is a mistake, and would not fit into a user's name."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d+(\.0*)?", re.ASCII)


class UnreadableLog(Exception):
    """The log cannot be read, or not to its end. The message is one sentence for the user."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One job of the log.

    `line`: its line, from 1. `number`: the log's own number of the job. `submit`: seconds on the log's clock, at least
    0. `run_time`: seconds, or None if unknown. `user`: the log's number of the user, or None if unknown. Jobs of
    unknown users count as one user's. They cannot be told apart, and a user for each would get a share for each.
    """

    line: int
    number: int
    submit: float
    run_time: float | None
    user: int | None


@dataclass(frozen=True, slots=True)
class Malformed:
    """The number of a line that is not a job, from 1, and the reason."""

    line: int
    reason: str


def read_log(path: Path) -> Iterator[Entry | Malformed]:
    """Yield the jobs and the malformed lines of a log, in the order of the file.

    The file is read lazily. It may be plain or gzip, whatever its name, with any of the usual line ends. Comments and
    blank lines are skipped. Raises UnreadableLog, possibly half way, if the file cannot be opened or read, or if
    compressed data are damaged or end too early.
    """
    line = 0
    try:
        with path.open("rb") as file, _as_text(file) as text:
            for line, content in _lines(text):
                if (found := parse_line(line, content)) is not None:
                    yield found
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableLog(_sentence(path, line, error)) from error


def parse_line(line: int, content: str) -> Entry | Malformed | None:
    """Return the job in a line, or what is wrong with the line. None for a comment or a blank line.

    Only the four fields that an Entry needs are checked. The others may hold anything.
    """
    fields = content.split()
    if not fields or fields[0].startswith(";"):
        return None
    try:
        if len(content.rstrip("\n")) > LONGEST_LINE:
            longest = whole_number(LONGEST_LINE)
            raise ValueError(gettext("is longer than %(most)s characters") % {"most": longest})
        if len(fields) < FIELDS:
            text = gettext("has %(number)s of %(wanted)s fields")
            raise ValueError(text % {"number": len(fields), "wanted": FIELDS})
        return Entry(
            line=line,
            number=_whole(gettext("job number"), fields[0]),
            submit=_at_least_0(gettext("submit time"), _number(gettext("submit time"), fields[1])),
            run_time=_known(gettext("run time"), _number(gettext("run time"), fields[3])),
            user=_known(gettext("user"), _whole(gettext("user"), fields[11])),
        )
    except ValueError as wrong:
        return Malformed(line, str(wrong))


def _as_text(file: io.BufferedReader) -> TextIO:
    """Return the text of a file, decompressed if it begins like gzip. Bytes that are not UTF-8 become escapes."""
    # The file name cannot tell: a downloaded log may have lost its .gz, or kept it after it was unpacked.
    # peek(), as a pipe cannot seek back.
    if file.peek(2)[:2] == b"\x1f\x8b":
        return gzip.open(file, "rt", encoding="utf-8-sig", errors="backslashreplace")
    return io.TextIOWrapper(file, encoding="utf-8-sig", errors="backslashreplace")


def _lines(text: TextIO) -> Iterator[tuple[int, str]]:
    """Yield the lines with their numbers, from 1. A line that is too long is cut."""
    line = 0
    while content := text.readline(LONGEST_LINE + 1):
        line += 1
        yield line, content
        while len(content) > LONGEST_LINE and not content.endswith("\n"):
            content = text.readline(LONGEST_LINE + 1)


def _number(field: str, text: str) -> float:
    """Return the finite number in `text`. Raises ValueError."""
    # float() alone would take "nan", "1_000" and digits of other scripts.
    if len(text) <= LONGEST_NUMBER and _NUMBER.fullmatch(text) and math.isfinite(value := float(text)):
        return value
    said = gettext("%(field)s %(text)s is not a finite number")
    raise ValueError(said % {"field": field, "text": _shown(text)})


def _whole(field: str, text: str) -> int:
    """Return the whole number in `text`, exact to its last digit, even if written as 12.0. Raises ValueError."""
    if len(text) <= LONGEST_NUMBER and _WHOLE.fullmatch(text):
        return int(text.partition(".")[0])
    said = gettext("%(field)s %(text)s is not a whole number")
    raise ValueError(said % {"field": field, "text": _shown(text)})


def _at_least_0(field: str, value: N) -> N:
    """Return the value. Raises ValueError if it is negative."""
    if value < 0:
        raise ValueError(gettext("%(field)s %(value)s is negative") % {"field": field, "value": value})
    return value


def _known(field: str, value: N) -> N | None:
    """Return the value, or None for -1, which the format uses for unknown. Raises ValueError for other negatives."""
    return None if value == -1 else _at_least_0(field, value)


def _shown(text: str) -> str:
    return repr(text if len(text) <= 30 else f"{text[:29]}…")


def _sentence(path: Path, line: int, error: Exception) -> str:
    """Return the message for a file that could be read up to and including `line`."""
    if isinstance(error, EOFError):
        return f"{path} is cut short: its compressed data end early, after line {line:,}."
    if isinstance(error, gzip.BadGzipFile | zlib.error):
        return f"{path} is damaged: its compressed data cannot be unpacked after line {line:,}."
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return f"{path} cannot be read: {reason}."
