"""manage.py replay: submits the jobs of a log in the Standard Workload Format at their moments, sped up."""

from __future__ import annotations

import math
import re
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from queueapp.replay.replay import Log, NotReplayable, Pace, Progress, Replay, Show, load, owners_of
from queueapp.swf import UnreadableLog

MOST_COMPLAINTS = 20
"""Skipped lines that are told one by one."""
INTERRUPTED = 130
"""The exit code that shells give to a command ended by Ctrl-C."""


class Command(BaseCommand):
    help = (
        "Replay a log in the Standard Workload Format (plain or gzip): submit every job for its user, SPEED "
        "times as fast as it happened, wait until all have ended, and tell how they fared. Exit code: 0; "
        "1 where the replay cannot begin or a job was lost; 2 where jobs had not ended; 130 after Ctrl-C."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE")
        parser.add_argument(
            "--speed", type=float, required=True, help="Log seconds a second; divides submit and run times."
        )
        parser.add_argument("--limit", type=int, metavar="JOBS", help="Only the first jobs of the log.")
        parser.add_argument(
            "--users",
            default="",
            metavar="NAMES",
            help="Users of the project, e.g. alice,bob, who stand for the first users. Others get a fairness key.",
        )
        parser.add_argument("--run", metavar="NAME", help="The run's part of the jobs' names (default: the time).")
        parser.add_argument(
            "--unknown",
            type=float,
            default=60.0,
            metavar="SECONDS",
            help="Stands for unknown run times (60).",
        )
        parser.add_argument(
            "--timeout", type=float, metavar="SECONDS", help="Wait no longer after the last submission."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        complain_of(options)
        try:
            pace = Pace(options["speed"], options["unknown"])
            log = load(Path(options["file"]), pace, options["limit"])
            self.tell_skipped(log)
            if not log.entries:
                raise CommandError(f"{options['file']} has no job that can be replayed.")
            names = [name.strip() for name in options["users"].split(",")] if options["users"] else []
            run = options["run"] or timezone.now().strftime("%Y%m%d-%H%M%S-%f")[:-3]
            replay = Replay(log, owners_of(log, names), pace, run)
        except (UnreadableLog, NotReplayable) as wrong:
            raise CommandError(str(wrong)) from wrong
        ended_early = self.go_through(replay, options)
        progress = replay.progress()
        for label, value in table(log, replay, progress):
            self.stdout.write(f"{label:<26}{value:>12}")
        if lost := replay.lost(progress):
            raise CommandError(f"{lost:,} accepted jobs are lost.", returncode=1)
        if ended_early is not None:
            raise ended_early

    def go_through(self, replay: Replay, options: dict[str, Any]) -> CommandError | None:
        """Submit and wait; the reason where it ended before the jobs did."""
        quiet = options["verbosity"] == 0
        try:
            with bar("submitted", len(replay.entries), quiet) as show:
                replay.submit_all(show)
            with bar("ended", replay.accepted, quiet) as show:
                gave_up = replay.wait(show, options["timeout"])
        except KeyboardInterrupt:
            return CommandError("Interrupted; what was submitted stays in the queue.", returncode=INTERRUPTED)
        return CommandError(gave_up, returncode=2) if gave_up else None

    def tell_skipped(self, log: Log) -> None:
        """Name the lines that are not replayed, each with its number and reason."""
        for kind, lines in (("malformed", log.malformed), ("too long", log.too_long)):
            for skipped in lines[:MOST_COMPLAINTS]:
                self.stderr.write(f"Line {skipped.line} is {kind}, skipped: {skipped.reason}.")
            if (more := len(lines) - MOST_COMPLAINTS) > 0:
                self.stderr.write(f"{more:,} more lines are {kind}, skipped.")


def complain_of(options: dict[str, Any]) -> None:
    """Raise CommandError, in one sentence, for the first option that makes no sense."""
    for name in ("speed", "unknown"):
        if not (math.isfinite(options[name]) and options[name] > 0):
            raise CommandError(f"--{name} must be a number above 0, not {options[name]:g}.")
    if options["limit"] is not None and options["limit"] < 1:
        raise CommandError(f"--limit must be at least 1, not {options['limit']}.")
    if options["timeout"] is not None and not options["timeout"] >= 0:
        raise CommandError(f"--timeout must be at least 0, not {options['timeout']:g}.")
    if options["run"] and not re.fullmatch(r"[A-Za-z0-9_.-]{1,50}", options["run"]):
        raise CommandError("--run takes up to 50 letters, digits and _ . - only.")


def table(log: Log, replay: Replay, progress: Progress) -> Iterator[tuple[str, str]]:
    """The lines of the final report."""
    unknown, zero = log.without_run_time()
    # Ctrl-C may have come between a commit and our count of it.
    yield "jobs submitted", f"{max(replay.accepted, progress.ended + progress.unfinished):,}"
    yield "users", f"{len(replay.ids):,}"
    yield "succeeded", f"{progress.succeeded:,}"
    yield "failed", f"{progress.failed:,}"
    yield "cancelled", f"{progress.ended - progress.succeeded - progress.failed:,}"
    yield "still waiting or running", f"{progress.unfinished:,}"
    yield "wait, median", seconds(progress.median_wait)
    yield "wait, 95th percentile", seconds(progress.p95_wait)
    yield "time spent", seconds(progress.time_spent)
    yield "malformed lines skipped", f"{len(log.malformed):,}"
    yield "jobs too long, skipped", f"{len(log.too_long):,}"
    yield "run times unknown", f"{unknown:,}"
    yield "run times 0", f"{zero:,}"
    yield "jobs lost", f"{replay.lost(progress):,}"


def seconds(value: float | None) -> str:
    """Seconds as the table shows them."""
    return "-" if value is None else f"{value:,.2f} s"


@contextmanager
def bar(title: str, total: int, quiet: bool) -> Iterator[Show]:
    """A progress bar on standard error, as a function that sets it. Raises CommandError without tqdm."""
    try:
        from tqdm import tqdm
    except ModuleNotFoundError:
        raise CommandError("The progress bar needs tqdm: run pip install 'turnabout[replay]'.") from None
    # miniters 0: the clock alone decides when to draw, so that it goes on also while nothing is due.
    with tqdm(total=total, desc=title, unit="job", disable=quiet, miniters=0, mininterval=0.25, file=sys.stderr) as b:

        def show(done: int) -> None:
            b.update(done - b.n)

        yield show
