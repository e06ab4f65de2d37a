"""turnabout watch: the queue, live."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from .. import Client
from ..shapes import Completed, Event, Job, Processors, Queue, Reconnecting, Reset, Share, WaitingJob
from ..view import QueueView
from . import arguments
from .app import app
from .output import COLOURS, clean, console, duration, note, print_job, print_json, time_until

ENDED_SHOWN = 8


@app.command()
def watch(
    context: typer.Context,
    until_idle: Annotated[bool, typer.Option(help="End once no job runs or waits.")] = False,
    after: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="Begin with the completions after this number; 0: with all.")
    ] = None,
    json: arguments.Json = False,
) -> None:
    """Watch your queue live: progress, estimated starts, and each job that ends. Ctrl-C ends it.

    In a terminal it is a screen that changes. Elsewhere each job that ends is a line; with --json each event is one.
    """
    with context.obj.client() as client:
        begin = client.last_completion() if after is None else after
        events = client.events(begin)
        try:
            show = _as_json if json else _on_screen if console.is_terminal else _as_lines
            show(_until_idle(client, events, begin) if until_idle else events)
        except KeyboardInterrupt:
            return


def _until_idle(client: Client, events: Iterable[Event], last: int) -> Iterator[Event]:
    """Yield events until no job runs or waits, and all that have ended are told. `last`: the last one that was."""
    view = QueueView()
    until: int | None = None
    for event in events:
        yield event
        view.apply(event)
        if isinstance(event, Completed | Reset):
            last = event.number
        if view.queue is None or view.queue.running or view.queue.waiting_count:
            until = None
            continue
        if until is None:  # a queue comes before the completions of what is gone from it
            until = client.last_completion()
        if last >= until:
            return


def _as_json(events: Iterable[Event]) -> None:
    for event in events:
        content = event.queue if isinstance(event, Reset) else event.job if isinstance(event, Completed) else event
        number = {"number": event.number} if isinstance(event, Reset | Completed) else {}
        print_json({"event": type(event).__name__.lower(), **number, "data": content.as_json()})


def _as_lines(events: Iterable[Event]) -> None:
    for event in events:
        if isinstance(event, Completed):
            print_job(event.job)
        elif isinstance(event, Reconnecting):
            note(f"{event.reason} Reconnecting in {event.seconds:.0f} s.")
        elif isinstance(event, Reset):
            note("Some completions are no longer known.")


def _on_screen(events: Iterable[Event]) -> None:
    screen = Screen()
    with Live(screen, console=console, refresh_per_second=4) as live:
        for event in events:
            screen.apply(event)
        live.refresh()


class Screen:
    """The queue as it is drawn now. It is drawn anew a few times a second, so that times go on."""

    def __init__(self) -> None:
        self.view = QueueView()
        self._ended: tuple[Job, ...] = ()  # replaced, not changed: another thread draws
        self._trouble = ""

    def apply(self, event: Event) -> None:
        """Take an event in."""
        self.view.apply(event)
        if isinstance(event, Completed):
            self._ended = (event.job, *self._ended)[:ENDED_SHOWN]
        if isinstance(event, Queue | Reset):
            self._trouble = ""
        elif isinstance(event, Reconnecting):
            self._trouble = f"{event.reason} Reconnecting ..."

    def __rich__(self) -> RenderableType:
        queue = self.view.queue
        if queue is None:
            return Text(self._trouble or "Connecting ...", "yellow")
        rows = Table(box=None, pad_edge=False, show_header=False, expand=True)
        for ratio in (None, 3, 2, None, 2):
            rows.add_column(ratio=ratio, no_wrap=True, overflow="ellipsis")
        for job in queue.running:
            rows.add_row(*self._running(job))
        for waiting in queue.waiting[: self._room(queue)]:
            rows.add_row(*self._waiting(waiting))
        parts: list[RenderableType] = [Text(_headline(queue), "bold"), rows]
        if (more := queue.waiting_count - len(queue.waiting[: self._room(queue)])) > 0:
            parts.append(Text(f"and {more:,} more wait", "bright_black"))
        parts += [_ended(job) for job in self._ended]
        return Group(*parts, *([Text(self._trouble, "yellow")] if self._trouble else []))

    @staticmethod
    def _room(queue: Queue) -> int:
        return max(console.height - len(queue.running) - ENDED_SHOWN - 4, 3)

    def _running(self, job: Job) -> list[RenderableType]:
        bar = ProgressBar(total=1.0, completed=job.progress, width=None)
        spent = f"{duration(self.view.time_spent(job))} of {duration(job.duration)}"
        said = "stopping" if job.stopping else clean(job.message)
        return [Text("run", COLOURS["running"]), Text(job.job_id), bar, Text(f"{job.progress:4.0%}"),
                Text(f"{spent}  {said}")]  # fmt: skip

    def _waiting(self, job: WaitingJob) -> list[RenderableType]:
        starts = "" if job.estimated_start is None else (job.estimated_start - self.view.now()).total_seconds()
        place = "-" if job.position is None else f"{job.position}"
        words = starts if isinstance(starts, str) else time_until(starts)
        return [Text(place, COLOURS["queued"]), Text(job.job_id), Text(words), Text(duration(job.duration)),
                Text(clean(job.message))]  # fmt: skip


def _headline(queue: Queue) -> str:
    owner = queue.user or queue.key
    waiting = "10,000+" if queue.waiting_count > 10_000 else f"{queue.waiting_count:,}"
    paused = f"  {queue.paused}" if queue.paused else ""
    return f"{owner}: {len(queue.running)} running, {waiting} queued. {_share(queue.share)}. " \
        f"{_processors(queue.processors)}.{paused}"  # fmt: skip


def _share(share: Share) -> str:
    return "No turns while paused" if share.owed == 0 else f"Share {share.owed:.0%} of the processors"


def _processors(processors: Processors) -> str:
    starting = f", {processors.starting} starting" if processors.starting else ""
    return f"{processors.busy} of {processors.alive} processors busy{starting}"


def _ended(job: Job) -> Any:
    said = clean(next(iter(job.error.splitlines()), ""))
    return Text.assemble((job.status, COLOURS[job.status]), f" {job.job_id}, {duration(job.time_spent)} {said}")
