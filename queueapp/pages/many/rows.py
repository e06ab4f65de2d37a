"""The jobs in a text, line by line: CSV with a header, JSON lines, or SWF."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from django.utils.translation import gettext, gettext_lazy

from ...registry import find_task
from ...swf import FIELDS, Malformed, parse_line
from .. import humanize
from ..json_text import parse_json
from ..task_fields import fields_of

FORMATS = {
    "": gettext_lazy("recognise it"),
    "csv": "CSV",
    "tsv": gettext_lazy("CSV with tabs"),
    "jsonl": gettext_lazy("JSON lines"),
    "swf": "SWF",
}
"""The formats, and the words for them."""
COLUMNS = ("job_id", "duration", "task", "payload", "time_limit", "memory_limit", "run_at")
"""Columns of CSV, beside payload.NAME for an argument."""
MAX_COLUMNS = 200
"""Columns of a header, at most."""
_SECONDS = gettext_lazy("give a number of seconds, such as 12.5")
NUMBERS = {
    "duration": _SECONDS,
    "time_limit": _SECONDS,
    "memory_limit": gettext_lazy("give a number of megabytes, such as 12.5"),
}
"""Columns of numbers, and what is said of a text that is none."""
STEM = "swf-"
"""How names of jobs from an SWF log begin, if nothing else is said."""


@dataclass
class Row:
    """A line, from 1, with the job on it, or with what is wrong: (column, message). Neither: it is left out."""

    line: int
    job: dict[str, Any] | None = None
    wrong: list[tuple[str, str]] = field(default_factory=list)


def rows_of(text: str, form: str, stem: str) -> Iterator[Row]:
    """Yield the jobs of a text. Blank lines are skipped. `form`: a key of FORMATS; `stem`: see STEM."""
    form = form or recognised(text)
    if form == "jsonl":
        return _json_lines(text)
    if form == "swf":
        return _swf(text, stem)
    header = text.lstrip().partition("\n")[0]
    delimiter = "\t" if form == "tsv" else ";" if ";" in header and "," not in header else ","
    return _csv(text, delimiter)


def recognised(text: str) -> str:
    """Return the format that the first line looks like."""
    first = text.lstrip("\n ").partition("\n")[0]
    if first.startswith(("{", "[")):
        return "jsonl"
    if first.startswith(";") or (len(first.split()) >= FIELDS and first.split()[0].isdecimal()):
        return "swf"
    return "tsv" if "\t" in first else "csv"


def _json_lines(text: str) -> Iterator[Row]:
    for line, content in enumerate(text.split("\n"), 1):
        if not content.strip():
            continue
        try:
            job = parse_json(content)
        except ValueError as wrong:
            yield Row(line, wrong=[("", str(wrong))])
            continue
        if not isinstance(job, dict):
            yield Row(line, wrong=[("", gettext('write one job a line, such as {"job_id": "a", "duration": 1}'))])
        elif named := {"user", "key"} & job.keys():
            yield Row(line, wrong=[(named.pop(), gettext("leave it out: all jobs here are your own"))])
        else:
            yield Row(line, job)


def _swf(text: str, stem: str) -> Iterator[Row]:
    for line, content in enumerate(text.split("\n"), 1):
        entry = parse_line(line, content)
        if isinstance(entry, Malformed):
            yield Row(line, wrong=[("", entry.reason)])
        elif entry is not None and not entry.run_time:
            yield Row(line)
        elif entry is not None:
            yield Row(line, {"job_id": f"{stem}{entry.number}", "duration": entry.run_time})


def _csv(text: str, delimiter: str) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline="\n"), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    line = 1
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                pass
            elif header is None:
                header = [cell.strip() for cell in cells]
                if wrong := list(_wrong_columns(header)):
                    yield Row(line, wrong=wrong)
                    return
            elif len(cells) != len(header):
                fields = gettext("has %(number)s fields, and the header %(wanted)s")
                yield Row(line, wrong=[("", fields % {"number": len(cells), "wanted": len(header)})])
            else:
                yield _row(line, dict(zip(header, cells, strict=True)))
            line = reader.line_num + 1
    except csv.Error as wrong_quotes:
        yield Row(line, wrong=[("", gettext("is no CSV: %(why)s") % {"why": wrong_quotes})])


def _wrong_columns(header: list[str]) -> Iterator[tuple[str, str]]:
    if len(header) > MAX_COLUMNS:
        text = gettext("there are %(number)s columns; at most %(most)s are taken")
        yield "", text % {"number": humanize.number(len(header)), "most": MAX_COLUMNS}
        return
    for n, name in enumerate(header):
        if name in header[:n]:
            yield name, gettext("there are two columns of this name")
        elif name not in COLUMNS and not (name.startswith("payload.") and len(name) > len("payload.")):
            text = gettext("there is no such column; there are: %(columns)s and payload.NAME")
            yield name, text % {"columns": ", ".join(COLUMNS)}
    for name in ("job_id", "duration"):
        if name not in header:
            yield name, gettext("the first line must name the columns, and this one is missing")


def _row(line: int, cells: dict[str, str]) -> Row:
    """Return the job in the cells of a line. Empty ones are left out."""
    row = Row(line, {})
    assert row.job is not None
    task = cells.get("task", "").strip()
    kinds = _kinds(task) if task else {}
    for name, text in cells.items():
        if text == "":
            continue
        try:
            if name in NUMBERS:
                row.job[name] = _number(text, str(NUMBERS[name]))
            elif name == "payload":
                row.job[name] = {**parse_object(text), **row.job.get("payload", {})}
            elif name.startswith("payload."):
                argument = name.removeprefix("payload.")
                row.job.setdefault("payload", {})[argument] = _value(text, kinds.get(argument))
            else:
                row.job[name] = text.strip()
        except ValueError as wrong:
            row.wrong.append((name, str(wrong)))
    return row


def parse_object(text: str) -> dict[str, Any]:
    """Return the JSON object in a text. Raises ValueError, in words for the user."""
    value = parse_json(text)
    if not isinstance(value, dict):
        raise ValueError(gettext('give an object, such as {"name": 1}'))
    return value


def _number(text: str, otherwise: str) -> float:
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        raise ValueError(otherwise) from None


def _value(text: str, kind: str | None) -> Any:
    """Return an argument: as the task's signature has it (`kind`: see task_fields.py), else its JSON, else the text."""
    if kind in ("text", "long"):
        return text
    try:
        return parse_json(text.lower() if text in ("TRUE", "FALSE") else text)  # as spreadsheets write them
    except ValueError:
        return text


@lru_cache(maxsize=1_000)
def _kinds(task: str) -> dict[str, str]:
    found = find_task(task)
    return {} if found is None or found.internal else {one.name: one.kind for one in fields_of(found)}
