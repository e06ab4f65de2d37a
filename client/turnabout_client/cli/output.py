"""What commands print: to a terminal for people, else lines for programs. Exit codes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import IntEnum
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..errors import ApiError, NotAuthenticated, TimedOut, TurnaboutError, Unavailable, Unreachable
from ..shapes import Job, Shape

MAX_ERRORS = 20
_CONTROLS = dict.fromkeys(code for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n")
COLOURS = {"queued": "yellow", "running": "cyan", "succeeded": "green", "failed": "red", "cancelled": "bright_black"}

console = Console(highlight=False, soft_wrap=True)
notes = Console(stderr=True, highlight=False, soft_wrap=True)


class Exit(IntEnum):
    """The exit codes of all commands."""

    OK = 0
    JOB_FAILED = 1
    USAGE = 2
    NOT_AUTHENTICATED = 3
    UNREACHABLE = 4
    REFUSED = 5
    TIMED_OUT = 6
    INTERRUPTED = 130


def exit_code(error: Exception) -> Exit:
    """Return the exit code of a command that ends with this error."""
    match error:
        case NotAuthenticated():
            return Exit.NOT_AUTHENTICATED
        case Unreachable() | Unavailable() | httpx.TransportError():
            return Exit.UNREACHABLE
        case TimedOut():
            return Exit.TIMED_OUT
        case TurnaboutError():
            return Exit.REFUSED
    return Exit.USAGE


def complain(error: Exception) -> None:
    """Print why a command ends, to standard error: a sentence, and a line for each wrong field."""
    if isinstance(error, ApiError):
        note(error.detail)
        for wrong in error.errors[:MAX_ERRORS]:
            note(f"  {wrong}")
        if (more := len(error.errors) - MAX_ERRORS) > 0:
            note(f"  and {more:,} more errors")
        if isinstance(error, NotAuthenticated):
            note("Log in by: turnabout login")
    else:
        note(str(error) or type(error).__name__)


def note(text: str) -> None:
    """Print a line to standard error."""
    notes.print(Text(clean(text)))


def say(text: str) -> None:
    """Print a line to standard output, as it is."""
    console.print(Text(clean(text)))


def clean(text: str) -> str:
    """Return a text of a job's without control characters: a terminal would obey them."""
    return text.translate(_CONTROLS)


def print_json(content: Any) -> None:
    """Print an object as one line of JSON."""
    content = content.as_json() if isinstance(content, Shape) else content
    sys.stdout.write(json.dumps(content, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def print_job(job: Job) -> None:
    """Print how a job stands, in one line; then its result or its error."""
    console.print(Text.assemble((job.status, COLOURS[job.status]), f" {job.job_id}", _about(job)))
    if job.error:
        say(job.error.rstrip())
    elif job.result is not None:
        say(json.dumps(job.result, ensure_ascii=False))


def print_jobs(jobs: Iterable[Job]) -> None:
    """Print jobs: as a table in a terminal, else a line each with fields separated by tabs."""
    if not console.is_terminal:
        for job in jobs:
            sys.stdout.write("\t".join(_fields(job)) + "\n")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("job", "status", "task", "spent", "submitted", ""):
        table.add_column(name, no_wrap=True, min_width=16 if name == "job" else None)
    for job in jobs:
        name, status, task, _, _, said = _fields(job)
        spent, moment = duration(job.time_spent) if job.started_at else "", local(job.submitted_at)
        table.add_row(Text(name), Text(status, COLOURS[status]), Text(task), spent, moment, Text(said))
    if table.row_count:
        console.print(table, soft_wrap=False)
    else:
        note("There are no such jobs.")


def _fields(job: Job) -> Iterator[str]:
    said = clean(next(iter((job.error or job.message).splitlines()), "").replace("\t", " "))
    yield from (job.job_id, job.status, job.task, f"{job.time_spent:.3f}", job.submitted_at.isoformat(), said)


def _about(job: Job) -> str:
    if job.ended:
        spent = f", {duration(job.time_spent)}" if job.started_at else ""
        return spent + (f", attempt {job.attempt}" if job.attempt > 1 else "")
    if job.status == "running":
        return f", {job.progress:.0%}" + (", stopping" if job.stopping else "")
    return "" if job.position is None else f", position {job.position:,}"


def local(moment: datetime | None) -> str:
    """Return a moment in the time zone of the user, to the second."""
    return "" if moment is None else moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def duration(seconds: float) -> str:
    """Return a duration in words: 40 ms, 7.5 s, 4 min 5 s, 2 h 5 min, 3 d 4 h."""
    if seconds < 0.1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s".replace(".0 s", " s")
    whole = round(seconds)
    for size, name, part, part_name in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size} {name}" + (f" {rest} {part_name}" if rest else "")
    return f"{whole} s"


def time_until(seconds: float) -> str:
    """Return the time until something begins, no more exact than an estimate: any moment, in about 12 s."""
    if seconds < 1:
        return "any moment"
    if seconds < 10:
        return f"in about {round(seconds)} s"
    if seconds < 58:
        return f"in about {round(seconds / 2) * 2} s"
    for size, name in ((86_400, "d"), (3_600, "h")):
        if seconds >= 0.95 * size:
            return f"in about {max(round(seconds / size), 1)} {name}"
    return f"in about {max(round(seconds / 60), 1)} min"
