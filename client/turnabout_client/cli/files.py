"""Submissions in a file: JSON lines, or CSV with a header."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

NUMBERS = {"duration", "time_limit", "memory_limit"}


def read(path: str) -> Iterator[dict[str, Any]]:
    """Yield the submissions of a file, "-" for standard input, lazily. A name that ends in .csv makes it CSV.

    Raises ValueError, which names the line, and OSError.
    """
    with _opened(path) as file:
        yield from _csv(file, path) if path.lower().endswith(".csv") else json_lines(file, path)


def json_lines(file: TextIO, path: str) -> Iterator[dict[str, Any]]:
    """Yield the objects of a file with one a line. Blank lines are skipped. Raises ValueError."""
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            content = json.loads(line)
        except json.JSONDecodeError as wrong:
            raise ValueError(f"{path}, line {number}: this is not JSON: {wrong.msg}.") from None
        if not isinstance(content, dict):
            raise ValueError(f"{path}, line {number}: this is not a JSON object.")
        yield content


def _csv(file: TextIO, path: str) -> Iterator[dict[str, Any]]:
    rows = csv.DictReader(file, strict=True)
    try:
        for row in rows:
            if None in row or None in row.values():
                raise ValueError(f"{path}, line {rows.line_num}: this line has not as many fields as the header.")
            yield _job(row, f"{path}, line {rows.line_num}")
    except csv.Error as wrong:
        raise ValueError(f"{path}, line {rows.line_num}: {wrong}.") from None


def _job(row: dict[str, str], where: str) -> dict[str, Any]:
    """Return the submission in a row. Empty fields are left out; payload.NAME is a field of the payload."""
    job: dict[str, Any] = {}
    for name, text in row.items():
        if text == "":
            continue
        if name.startswith("payload."):
            job.setdefault("payload", {})[name.removeprefix("payload.")] = _value(text)
        elif name == "payload":
            job["payload"] = _value(text)
        elif name in NUMBERS:
            job[name] = _number(text, f"{where}: {name}")
        else:
            job[name] = text
    return job


def _number(text: str, where: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{where} must be a number of seconds or megabytes, not {text!r}.") from None


def _value(text: str) -> Any:
    """Return the JSON in a field; what is no JSON is text."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


@contextmanager
def _opened(path: str) -> Iterator[TextIO]:
    if path == "-":
        yield sys.stdin
        return
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            yield file
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not text in UTF-8.") from None
