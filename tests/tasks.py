"""Tasks that misbehave. The settings of the tests install this package as an app."""

from __future__ import annotations

import contextlib
import decimal
import locale
import logging
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Any, Literal

import psutil
from django.db import connection
from django.utils import timezone
from pydantic import Field

from queueapp import JobContext, JobFailed, task


@task("nap")
def nap(job: JobContext, seconds: float) -> str:
    """Sleep for so long, whatever was declared."""
    time.sleep(seconds)
    return f"attempt {job.attempt}"


@task("talks", max_attempts=1)
def talks(job: JobContext, folder: str, end: str = "return") -> None:
    """Report in every way, before and after the file `go` is in this folder."""
    sys.stdout.write("printed\n")
    job.log("logged", {"a": 1})
    job.stage("download")
    job.note("# Half\n\n<script>alert(1)</script>")
    while not Path(folder, "go").exists():
        time.sleep(0.02)
    job.stage("<b>render</b>")
    job.log("at last")
    if end == "die":
        os._exit(3)
    job.note("**All** of it\n\n| a | b |\n|---|---|\n| 1 | 2 |")


@task("marks")
def marks(job: JobContext, folder: str) -> None:
    """Leave an empty file of the job's name, and work for two milliseconds."""
    Path(folder, job.job_id).touch()
    time.sleep(0.002)


@task("stubborn", time_limit=0.5, max_attempts=1)
def stubborn(job: JobContext, seconds: float, polite: bool = False) -> str:
    """Go on for so long, and do not let anything stop it but, where `polite`, the handle."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not (polite and job.cancelled):
        with contextlib.suppress(BaseException):
            time.sleep(0.02)
    return "stopped politely" if job.cancelled else "never stopped"


@task("flaky", max_attempts=4)
def flaky(job: JobContext, failures: int) -> str:
    """Fail on the first so many attempts."""
    time.sleep(0.05)
    if job.attempt <= failures:
        raise ValueError(f"attempt {job.attempt}")
    return f"attempt {job.attempt}"


@task("fail")
def fail(job: JobContext, how: str = "error") -> Any:
    """End badly, in one of several ways."""
    if how == "refuse":
        raise JobFailed("Not today.")
    if how == "exit-process":
        os._exit(3)
    if how == "exit":
        sys.exit("left")
    if how == "nan":
        return float("nan")
    if how == "object":
        return object()
    if how == "nul":
        return "a\x00b"
    raise ValueError("it broke")


@task("kill")
def kill(job: JobContext, times: int) -> str:
    """Kill the processor on the first so many attempts."""
    if job.attempt <= times:
        os.kill(os.getpid(), signal.SIGKILL)
    return f"attempt {job.attempt}"


@task("saves-its-place", max_attempts=1)
def saves_its_place(job: JobContext, seconds: float) -> str:
    """Work until the cluster is being stopped, and say so."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if job.stopping:
            return "saved"
        time.sleep(0.02)
    return "was never told"


@task("hungry", memory_limit=100, max_attempts=1)
def hungry(job: JobContext, megabytes: int, how: str) -> int:
    """Take so much memory: in this process, or in one of its children, whose own limit is lifted."""
    if how == "here":
        return len(bytearray(megabytes * 1_000_000))
    code = f"b = bytearray({megabytes} * 1000000); import time; time.sleep(30)"
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    return subprocess.run([sys.executable, "-c", code], check=True).returncode


@task("pool")
def pool(job: JobContext) -> list[int]:
    """Work in processes of its own."""
    with multiprocessing.get_context("fork").Pool(2) as workers:
        return workers.map(abs, [-1, -2, -3])


@task("says", max_attempts=1)
def says(job: JobContext, text: str, times: int = 1) -> None:
    """Print by every way there is, and fail."""
    print(text * times)  # noqa: T201
    subprocess.run(["/bin/echo", f"echo {text}"], check=True)
    raise ValueError("after all that")


@task("tidies-up", time_limit=0.3, max_attempts=1)
def tidies_up(job: JobContext) -> None:
    """Tidy up in five steps, at its limit."""
    try:
        time.sleep(30)
    finally:
        for step in range(5):
            time.sleep(0.05)
            print(f"step {step}")  # noqa: T201


@task("pid")
def pid(job: JobContext) -> dict[str, int]:
    """The processes: this one, its worker, and the sentinel; and whose job it is."""
    worker = psutil.Process(os.getppid())
    return {"task": os.getpid(), "worker": worker.pid, "sentinel": worker.ppid(), "owner": job.owner_id}


LEFT: ContextVar[str] = ContextVar("LEFT", default="")


@task("leaves-behind", max_attempts=1)
def leaves_behind(job: JobContext, where: str) -> None:
    """Leaves its mark in its process, in the session of its connection, or in what is kept for the present context."""
    if where == "environment":
        os.environ["LEFT_BEHIND"] = "a mark"
    elif where == "session":
        with connection.cursor() as cursor:
            cursor.execute("SET app.left_behind = 'a mark'")
    elif where == "context":
        LEFT.set("a mark")
    elif where == "decimal":
        decimal.getcontext().prec = 3
    elif where == "locale":
        locale.setlocale(locale.LC_NUMERIC, "C.UTF-8")
    elif where == "timezone":
        timezone.activate("Asia/Tokyo")
    elif where == "sockets":
        socket.setdefaulttimeout(0.001)
    elif where == "warnings":
        warnings.simplefilter("error")


@task("finds", max_attempts=1)
def finds(job: JobContext) -> list[str]:
    """What an earlier job may have changed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('app.left_behind', true)")
        [session] = cursor.fetchone()
    return [
        os.environ.get("LEFT_BEHIND", ""), session or "", LEFT.get(), str(decimal.getcontext().prec),
        locale.setlocale(locale.LC_NUMERIC), timezone.get_current_timezone_name(), str(socket.getdefaulttimeout()),
        str(warnings.filters[0]),
    ]  # fmt: skip


@task("freezes-later")
def freezes_later(job: JobContext) -> None:
    """Leave a thread that stops the process when the job has ended."""

    def freeze() -> None:
        time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGSTOP)

    threading.Thread(target=freeze, daemon=True).start()


@task("database", max_attempts=1)
def database(job: JobContext, leave: str = "") -> list[str]:
    """What the session says, which is then left as asked."""
    from django.db import connection, transaction

    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('TimeZone'), current_setting('app.user', true), pg_backend_pid()")
        found = [str(value) for value in cursor.fetchone()]
        found.append(type(cursor.cursor.row_factory).__name__ + str(connection.in_atomic_block))
        if leave == "settings":
            cursor.execute("SET TIME ZONE 'Asia/Tokyo'; SELECT set_config('app.user', 'eve', false)")
            connection.connection.row_factory = str
    if leave == "block":
        transaction.atomic().__enter__()
    if leave == "closed block":
        transaction.atomic().__enter__()
        connection.close()
    return found


@task("returns")
def returns(job: JobContext, text: str, times: int = 1) -> str:
    """The text, so many times."""
    return text * times


@task("open-files")
def open_files(job: JobContext) -> list[str]:
    """The names of the files from descriptor 3 on, as Linux shows them."""
    names = []
    for descriptor in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # the one by which the folder is listed
            if int(descriptor) > 2:
                names.append(os.readlink(f"/proc/self/fd/{descriptor}"))
    return sorted(names)


@task("logs", max_attempts=1)
def logs(job: JobContext, text: str) -> None:
    """Log the text, with a field that the site's own records have, too."""
    logging.getLogger("host.app").warning(text, extra={"job": "one of the task's own", "colour": "blue"})
    logging.getLogger("host.app").warning("%s, without fields", text)
    raise ValueError(text)


@task("opens-a-span")
def opens_a_span(job: JobContext) -> None:
    """Open a span of its own, as instrumented libraries do."""
    from opentelemetry import trace

    with trace.get_tracer("tests").start_as_current_span("inside the task"):
        pass


@task("is-imported")
def is_imported(job: JobContext, name: str) -> bool:
    """Return whether a module is imported in the task process."""
    return name in sys.modules


@task("poster")
def poster(
    job: JobContext,
    title: str,
    copies: Annotated[int, Field(ge=1, le=500, description="How many are printed.")],
    scale: float = 1.5,
    paper: Literal["A4", "A3"] = "A4",
    colour: bool = True,
    fold: bool | None = None,
    note: str = "No note.",
    sizes: list[int] | None = None,
    anything: Any = None,
    payload: str = "",
    **options: Any,
) -> dict[str, Any]:
    """Print a poster.

    title: what stands on it.
    scale (float): of the picture.
    """
    return {"title": title, "copies": copies, "scale": scale, "paper": paper, "options": options}
