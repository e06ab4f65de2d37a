"""turnabout list, wait, logs, cancel, retry, move."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import islice
from typing import Annotated, Any

import typer

from .. import Client
from ..errors import ApiError
from ..shapes import Completed, End, Job, JobLog, Progress
from . import arguments
from .app import app
from .output import Exit, complain, duration, exit_code, local, note, print_job, print_jobs, print_json, say
from .submit import report_ends

Names = Annotated[list[str], typer.Argument(metavar="JOB...", help="The names of jobs.")]
SomeNames = Annotated[list[str] | None, typer.Argument(metavar="[JOB]...", help="The names of jobs; or give a filter.")]


@app.command("list")
def list_jobs(
    context: typer.Context,
    status: arguments.StatusOption = None,
    task: arguments.Task = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, help="As many at most; 0: all.")] = 50,
    json: arguments.Json = False,
) -> None:
    """List your jobs, newest first."""
    with context.obj.client() as client:
        found = client.jobs(status=status, task=task, page_size=min(limit, 1_000) or 1_000)
        some = islice(found, limit or None)
        if json:
            for job in some:
                print_json(job)
        else:
            print_jobs(some)


@app.command()
def wait(context: typer.Context, jobs: Names, timeout: arguments.Timeout = None, json: arguments.Json = False) -> None:
    """Wait until jobs have ended, and print how. Exit code 1: one of them did not succeed."""
    with context.obj.client() as client:
        report_ends(client, jobs, timeout, json)


@app.command()
def logs(
    context: typer.Context,
    job: Annotated[str, typer.Argument(metavar="JOB", help="The name of the job.")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until it has ended.")] = False,
    json: arguments.Json = False,
) -> None:
    """Show what is known of a job: each attempt that failed with its error, what it printed, its stages, its result."""
    with context.obj.client() as client:
        found = client.get(job)
        if json and not follow:
            print_json(found)
            return
        if not json:
            _print_history(found)
            _print_log(client.log(job))
        if follow and not found.ended:
            found = _follow(client, job, json)
        if follow or not json:
            print_json(found) if json else print_job(found)


def _print_history(job: Job) -> None:
    say(f"{job.job_id}: task {job.task}, declared {duration(job.duration)}, submitted {local(job.submitted_at)}")
    for attempt in job.attempts:
        say(f"attempt {attempt.attempt} failed at {local(attempt.finished_at)} after {duration(attempt.time_spent)}:")
        say(f"{attempt.error.rstrip()}")
    if job.message:
        say(f"it says: {job.message}")


def _print_log(said: JobLog) -> None:
    for stage in said.stages:
        say(f"stage {stage.name}: {duration(stage.seconds)}")
    for text in (said.log, said.note):
        if text:
            say(text.rstrip())


@app.command()
def why(
    context: typer.Context,
    job: Annotated[str, typer.Argument(metavar="JOB", help="The name of the job.")],
    json: arguments.Json = False,
) -> None:
    """Show why a job waits, and when it should start."""
    with context.obj.client() as client:
        found = client.why(job)
    if json:
        print_json(found)
        return
    say(found.sentence)
    if found.earliest is not None:
        say(f"It should start between {local(found.earliest)} and {local(found.latest)}.")
    elif found.estimated_start is not None:
        say(f"It should start at {local(found.estimated_start)}.")


def _follow(client: Client, name: str, json: bool) -> Job:
    """Print what a job says, until it has ended. Return it."""
    last = ""
    looked = False
    for event in client.events():
        if isinstance(event, Completed) and event.job.job_id == name:
            return client.get(name)
        if not looked:  # it may have ended before the stream began
            looked = True
            if (job := client.get(name)).ended:
                return job
        for running in event.jobs if isinstance(event, Progress) else ():
            said = f"{running.progress:4.0%}  {running.message}"
            if running.job_id == name and said != last:
                last = said
                print_json(running) if json else say(said)
    raise AssertionError("events() goes on for ever")


@app.command()
def cancel(
    context: typer.Context,
    jobs: SomeNames = None,
    status: arguments.StatusOption = None,
    task: arguments.Task = None,
    prefix: arguments.Prefix = None,
    submitted_after: arguments.After = None,
    submitted_before: arguments.Before = None,
    everything: arguments.Everything = False,
    yes: arguments.Yes = False,
    json: arguments.Json = False,
) -> None:
    """Cancel jobs: those named, or all that match every option. A job that runs is asked to stop."""
    given = _filter(status, task, prefix, submitted_after, submitted_before, everything)
    with context.obj.client() as client:
        if not _by_filter(jobs, given):
            _each(jobs or [], client.cancel, json)
            return
        _confirm("Cancel", given, yes)
        done = client.cancel_matching(**given)
    print_json(done) if json else note(
        f"{done.cancelled:,} cancelled, {done.stopping:,} asked to stop, {done.unchanged:,} unchanged."
    )


@app.command()
def retry(
    context: typer.Context,
    jobs: SomeNames = None,
    status: arguments.StatusOption = None,
    task: arguments.Task = None,
    prefix: arguments.Prefix = None,
    submitted_after: arguments.After = None,
    submitted_before: arguments.Before = None,
    everything: arguments.Everything = False,
    yes: arguments.Yes = False,
    json: arguments.Json = False,
) -> None:
    """Retry jobs that failed or were cancelled: those named, or all that match every option."""
    given = _filter(status, task, prefix, submitted_after, submitted_before, everything)
    with context.obj.client() as client:
        if not _by_filter(jobs, given):
            _each(jobs or [], client.retry, json)
            return
        _confirm("Retry", given, yes)
        done = client.retry_matching(**given)
    print_json(done) if json else note(f"{done.retried:,} retried, {done.unchanged:,} unchanged.")


@app.command()
def move(
    context: typer.Context,
    jobs: SomeNames = None,
    front: Annotated[bool | None, typer.Option("--front/--back", help="Before all that wait, or behind all.")] = None,
    task: arguments.Task = None,
    prefix: arguments.Prefix = None,
    submitted_after: arguments.After = None,
    submitted_before: arguments.Before = None,
    everything: arguments.Everything = False,
    yes: arguments.Yes = False,
    json: arguments.Json = False,
) -> None:
    """Move jobs that wait to the front or the back of your own line: those named, or all that match every option."""
    if front is None:
        raise typer.BadParameter("give --front or --back")
    to: End = "front" if front else "back"
    given = _filter(None, task, prefix, submitted_after, submitted_before, everything)
    with context.obj.client() as client:
        if not _by_filter(jobs, given):
            if jobs and len(jobs) == 1:  # with the reason if it cannot be moved
                _each(jobs, lambda name: client.move(name, to), json)
                return
            given = {"job_ids": jobs}
        else:
            _confirm(f"Move to the {to}", given, yes)
        done = client.move_matching(to, **given)
    print_json(done) if json else note(f"{done.moved:,} moved to the {to}, {done.unchanged:,} unchanged.")


def _filter(status: Any, task: Any, prefix: Any, after: Any, before: Any, everything: bool) -> dict[str, Any]:
    given = {"status": status, "task": task, "prefix": prefix, "submitted_after": after, "submitted_before": before,
             "all": everything or None}  # fmt: skip
    return {name: value for name, value in given.items() if value is not None}


def _by_filter(jobs: list[str] | None, given: dict[str, Any]) -> bool:
    """Whether jobs are meant by a filter, not by names. Raises BadParameter if both are given, or nothing."""
    if bool(jobs) == bool(given):
        raise typer.BadParameter("name jobs, or give a filter such as --prefix or --all")
    return bool(given)


def _confirm(verb: str, given: dict[str, Any], yes: bool) -> None:
    """Ask whether all these jobs are meant. Raises Abort if not, BadParameter where there is nobody to ask."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise typer.BadParameter("there is no terminal to ask at: add --yes")
    words = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in given.items() if name != "all")
    typer.confirm(f"{verb} all jobs{f' with {words}' if words else ''}?", abort=True, err=True)


def _each(names: list[str], act: Callable[[str], Job], json: bool) -> None:
    """Act on each job, also if another is refused. Raises Exit with the code of the last refusal."""
    code = Exit.OK
    for name in names:
        try:
            job = act(name)
        except ApiError as refused:
            if refused.status not in (404, 409):
                raise
            note(f"{name}:")
            complain(refused)
            code = exit_code(refused)
        else:
            print_json(job) if json else print_job(job)
    if code:
        raise typer.Exit(code)
