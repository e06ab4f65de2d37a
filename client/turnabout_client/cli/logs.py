"""Logs of shared computers in the Standard Workload Format, and JSON lines, as jobs with their moments."""

from __future__ import annotations

import gzip
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from .files import json_lines

SHORTEST = 1e-6
FIELDS = 18


@dataclass(frozen=True)
class Entry:
    """A job of the log. `at`: seconds after the log's zero. `content`: the submission, perhaps without a name."""

    at: float
    content: dict[str, Any]


def read_log(path: Path, speed: float, unknown: float, by_user: bool) -> Iterator[Entry]:
    """Yield the jobs of a log, in the order of the file. It may be packed with gzip.

    A file whose first character is `{` has JSON lines: submissions with `at`, seconds (0 if left out). Else it is in
    the Standard Workload Format; run times are divided by `speed`, and `unknown` seconds stand for an unknown one.
    `by_user`: the users of the log become fairness keys. Raises ValueError, which names the line, and OSError.
    """
    with path.open("rb") as file, _text(file) as text:
        try:
            first = text.readline()
            while first and not first.strip():
                first = text.readline()
            lines = _Again(first, text)
            if first.lstrip().startswith("{"):
                yield from _from_json(lines, path)
            else:
                yield from _from_swf(lines, path, speed, unknown, by_user)
        except (EOFError, gzip.BadGzipFile):
            raise ValueError(f"{path} is damaged: its compressed data end early or cannot be unpacked.") from None


def _from_json(lines: Any, path: Path) -> Iterator[Entry]:
    for content in json_lines(lines, str(path)):
        at = content.pop("at", 0)
        if not isinstance(at, int | float) or not (math.isfinite(at) and at >= 0):
            raise ValueError(f"{path}: `at` must be a number of seconds of at least 0, not {at!r}.")
        yield Entry(float(at), content)


def _from_swf(lines: Any, path: Path, speed: float, unknown: float, by_user: bool) -> Iterator[Entry]:
    for number, line in enumerate(lines, 1):
        fields = line.split()
        if not fields or fields[0].startswith(";"):
            continue
        try:
            if len(fields) < FIELDS:
                raise ValueError(f"it has {len(fields)} of {FIELDS} fields")
            submit, run_time, user = (float(fields[index]) for index in (1, 3, 11))
            if not all(map(math.isfinite, (submit, run_time, user))) or submit < 0:
                raise ValueError("a number is negative or not finite")
        except ValueError as wrong:
            raise ValueError(f"{path}, line {number} is not a job of the Standard Workload Format: {wrong}.") from None
        log_time = unknown if run_time < 0 else run_time or 1.0
        content: dict[str, Any] = {"duration": max(log_time / speed, SHORTEST)}
        if by_user:
            content["key"] = f"log-user-{'unknown' if user < 0 else int(user)}"
        yield Entry(submit, content)


class _Again:
    """The lines of a text, with the first one, which was read already."""

    def __init__(self, first: str, rest: TextIO) -> None:
        self._first, self._rest = first, rest

    def __iter__(self) -> Iterator[str]:
        if self._first:
            yield self._first
        yield from self._rest


def _text(file: io.BufferedReader) -> TextIO:
    if file.peek(2)[:2] == b"\x1f\x8b":
        return gzip.open(file, "rt", encoding="utf-8-sig", errors="replace")
    return io.TextIOWrapper(file, encoding="utf-8-sig", errors="replace")
