"""turnabout submit."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any

import typer

from .. import Client
from ..shapes import Job
from . import arguments, files
from .app import app
from .output import Exit, note, print_job, print_json, say


@app.command()
def submit(
    context: typer.Context,
    task: Annotated[str, typer.Argument(help="The name of the task.")] = "wait",
    payload: Annotated[
        dict[str, Any] | None,
        typer.Option("--payload", "-p", parser=arguments.payload, metavar="JSON|@FILE", help="The task's arguments."),
    ] = None,
    duration: Annotated[
        float | None,
        typer.Option("--duration", "-d", parser=arguments.seconds, metavar="DURATION",
                     help="The processor time that it should take, such as 2s."),
    ] = None,
    job_id: Annotated[str | None, typer.Option(help="Your name for the job. The same again changes nothing.")] = None,
    run_at: Annotated[
        datetime | None,
        typer.Option(parser=arguments.moment, metavar="MOMENT", help="It does not start before then."),
    ] = None,
    time_limit: Annotated[
        float | None, typer.Option(parser=arguments.seconds, metavar="DURATION", help="Of one attempt.")
    ] = None,
    memory_limit: Annotated[float | None, typer.Option(metavar="MEGABYTES", help="Of one attempt.")] = None,
    file: Annotated[
        str | None,
        typer.Option("--file", "-f", metavar="FILE", help="Submit the jobs of this file: JSON lines, or .csv; - reads "
                     "JSON lines from standard input."),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Wait for the end; exit code 1 if it failed.")] = False,
    timeout: arguments.Timeout = None,
    json: arguments.Json = False,
) -> None:  # fmt: skip
    """Submit a job, or the jobs of a file."""
    with context.obj.client() as client:
        if file is not None:
            if task != "wait" or any((payload, duration, job_id, run_at, time_limit, memory_limit)):
                raise typer.BadParameter("a file says all of its jobs: leave out the task and its options")
            _submit_file(client, file, wait, timeout, json)
            return
        if duration is None:
            raise typer.BadParameter("say how long it should take, such as --duration 2s")
        job = client.submit(
            task, payload, duration=duration, job_id=job_id, run_at=run_at, time_limit=time_limit,
            memory_limit=memory_limit,
        )  # fmt: skip
        if wait:
            if not json:
                note(f"Submitted {job.job_id}.")
            report_ends(client, [job.job_id], timeout, json)
        elif json:
            print_json(job)
        else:
            say(job.job_id)


def _submit_file(client: Client, file: str, wait: bool, timeout: float | None, json: bool) -> None:
    done = client.submit_many(files.read(file))
    if not wait:
        print_json(done) if json else note(f"Submitted: {done.accepted:,}. There before: {done.existing:,}.")
        return
    report_ends(client, done.job_ids, timeout, json)


def report_ends(client: Client, job_ids: Iterable[str], timeout: float | None, json: bool) -> None:
    """Print each of these jobs as it ends. Raises typer.Exit if one did not succeed, TimedOut."""
    failed = False
    for job in client.as_completed(job_ids, timeout):
        failed = failed or not job.succeeded
        _report(job, json)
    if failed:
        raise typer.Exit(Exit.JOB_FAILED)


def _report(job: Job, json: bool) -> None:
    print_json(job) if json else print_job(job)
