"""turnabout replay: submits the jobs of a log at their moments, sped up."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress as Bars

from .. import Client
from . import arguments
from .app import app
from .logs import Entry, read_log
from .output import Exit, note, notes, print_json
from .settings import Settings

BATCH_JOBS = 500


@app.command("replay")
def replay_log(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Standard Workload Format, or JSON lines; also .gz.")],
    speed: Annotated[float, typer.Option(min=1e-6, help="Log seconds a second.")] = 1.0,
    limit: Annotated[int | None, typer.Option(min=1, metavar="JOBS", help="Only the first jobs.")] = None,
    run: Annotated[str | None, typer.Option(metavar="NAME", help="The part of the jobs' names.")] = None,
    unknown: Annotated[float, typer.Option(min=1e-6, help="Log seconds for an unknown run time.")] = 60.0,
    keys: Annotated[bool, typer.Option("--keys", help="For staff: each user of the log gets a fairness key.")] = False,
    wait: Annotated[bool, typer.Option(help="Wait until all jobs have ended.")] = True,
    timeout: arguments.Timeout = None,
    json: arguments.Json = False,
) -> None:
    """Submit the jobs of a log at their moments, SPEED times as fast, and tell how they fared."""
    name = run or datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    log = islice(read_log(file, speed, unknown, keys), limit)
    entries = [Entry(one.at, {"job_id": f"log-{name}:{number}", **one.content}) for number, one in enumerate(log, 1)]
    if not entries:
        raise ValueError(f"{file} has no job.")
    with context.obj.client() as client, Bars(console=notes, disable=json) as bars:
        _submit(client, entries, speed, bars)
        counts: Counter[str] = Counter()
        if wait:
            counts = _wait(context.obj, entries, timeout, bars)
    report = {"run": name, "submitted": len(entries), **counts}
    if json:
        print_json(report)
    else:
        note(", ".join(f"{name} {value}" for name, value in report.items()))
    if counts.total() != counts["succeeded"]:
        raise typer.Exit(Exit.JOB_FAILED)


def _submit(client: Client, entries: list[Entry], speed: float, bars: Bars) -> None:
    """Submit each job when its moment has come. Jobs that are due share a request."""
    bar = bars.add_task("submitted", total=len(entries))
    begun, done = time.monotonic(), 0
    for batch in _due(entries, speed, begun):
        client.submit_many(batch)
        done += len(batch)
        bars.update(bar, completed=done)


def _due(entries: list[Entry], speed: float, begun: float) -> Iterator[list[dict[str, Any]]]:
    """Yield the jobs in batches, each when the moment of its first one has come."""
    first = entries[0].at
    index = 0
    while index < len(entries):
        time.sleep(max(begun + (entries[index].at - first) / speed - time.monotonic(), 0))
        elapsed = time.monotonic() - begun
        end = index + 1
        while end < min(len(entries), index + BATCH_JOBS) and (entries[end].at - first) / speed <= elapsed:
            end += 1
        yield [entry.content for entry in entries[index:end]]
        index = end


def _wait(settings: Settings, entries: list[Entry], timeout: float | None, bars: Bars) -> Counter[str]:
    """Return how many jobs ended how, once all have. Those of each fairness key are awaited by a client of its own."""
    bar = bars.add_task("ended", total=len(entries))
    counts: Counter[str] = Counter()
    names = defaultdict[str | None, list[str]](list)
    for entry in entries:
        names[entry.content.get("key", settings.for_key)].append(entry.content["job_id"])
    until = None if timeout is None else time.monotonic() + timeout
    for key, jobs in names.items():
        left = None if until is None else max(until - time.monotonic(), 0)
        with replace(settings, for_key=key).client() as client:
            for job in client.as_completed(jobs, left):
                counts[job.status] += 1
                bars.update(bar, advance=1)
    return counts
