"""The task process: runs the tasks of jobs, and nothing else. A worker forks it, sends it jobs, and outlives it.

The process does none of the queue's bookkeeping and has no connection to the queue. Whatever a task does to it, at
worst the process ends.
"""

from __future__ import annotations

import json
import logging
import marshal
import multiprocessing
import os
import resource
import select
import signal
import socket
import stat
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import suppress
from contextvars import Context
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NoReturn

from ..conf import queue_settings
from ..db.sessions import bound_as
from ..errors import JobCancelled, JobStopped, LeaseLost, TimeLimitReached
from ..registry import JobContext, all_tasks
from ..tracing import Attempt
from . import connection_slots, forked
from .attempt_spans import attempt_spans
from .attempt_text import describe, result_text
from .memory import bounded_memory, resident_bytes
from .process_state import ProcessState
from .shared_memory import Kind, Record, SharedMemory, Stop
from .task_databases import TaskDatabases, drop_inherited

if TYPE_CHECKING:
    from ..lifecycle.outcome import JobOutcome
    from ..lifecycle.turn import ClaimedJob

STOP_SIGNAL = signal.SIGUSR1
"""Makes the main thread raise the reason why the present job is to stop, if the task's code runs."""
REPLACE_ME = 75
"""Exit code of a task process that asks to be replaced."""
IDLE_SECONDS = 0.02
"""Seconds without a turn after which spans are sent."""
LENGTH = 8
"""Bytes of the length that is sent before a turn's jobs."""

_REASONS: dict[Stop, type[JobStopped]] = {
    Stop.CANCELLED: JobCancelled,
    Stop.TIME_LIMIT: TimeLimitReached,
    Stop.LEASE_LOST: LeaseLost,
}
# Bound at import, so that a task that replaces these changes nothing here.
_monotonic, _exit, _getpid, _read, _loads = time.monotonic, os._exit, os.getpid, os.read, json.loads


class After(IntEnum):
    """The step after a job."""

    GO_ON = 0
    """The next job is of the same owner."""
    LOOK = 1
    """The next job may be another owner's."""
    REPLACE = 2
    """This process runs no further job."""


JobRow = tuple[int, str, str, str, float, int, float | None, int, int, tuple[str, float] | None]
"""A job as it is sent: its index in the turn, name, task, payload as JSON, duration in seconds, attempt, memory limit
in MB, the step after it, the owner's id, and tracing.Attempt.submitted."""


def _of_logs() -> set[int]:
    """Return the descriptors that log handlers write to. A log file that was rotated has no name any more."""
    found = set()
    for handler in _log_handlers():
        with suppress(AttributeError, OSError, ValueError):
            found.add(handler.stream.fileno())  # type: ignore[attr-defined]  # some have one
    return found


def _log_handlers() -> Iterator[logging.Handler]:
    """Yield the handlers of all loggers."""
    for logger in (logging.root, *logging.root.manager.loggerDict.values()):
        yield from getattr(logger, "handlers", ())


def _is_shared(descriptor: int) -> bool:
    """Whether only related processes can have it open: a pipe, a file without a name, or a pair of sockets."""
    file = os.fstat(descriptor)
    if stat.S_ISSOCK(file.st_mode):
        with socket.socket(fileno=os.dup(descriptor)) as opened:
            return opened.family == socket.AF_UNIX and not opened.getsockname() and not opened.getpeername()
    return stat.S_ISFIFO(file.st_mode) or (stat.S_ISREG(file.st_mode) and file.st_nlink == 0)


class TaskRunner:
    """Runs jobs until its worker closes the connection, or the process has to be replaced."""

    def __init__(
        self,
        memory: SharedMemory,
        connection: socket.socket,
        tokens: int,
        died: tuple[ClaimedJob, JobOutcome] | None = None,
    ) -> None:
        self._memory = memory
        self._connection = connection
        self._tokens = tokens
        self._died = died
        self._in_task = False
        self._pid = _getpid()
        self._present: dict[str, Any] = {}
        self._tasks = all_tasks()

    def run(self) -> NoReturn:
        """Run turns, then exit. Never returns: the code after the fork is the parent's."""
        code = 70
        try:
            self._prepare()
            self._spans = attempt_spans()
            if self._spans is not None and self._died is not None:
                self._spans.died(*self._died)
            self._databases = TaskDatabases()
            self._state = ProcessState()
            said = self._memory.mark.encode()
            while (jobs := self._next_turn()) is not None:
                for index in self._indexes():
                    self._run(jobs[index])
                if self._takes_too_much():
                    self._ask_to_be_replaced()
                self._connection.sendall(said)
            code = 0
        except BaseException:
            with suppress(BaseException):
                traceback.print_exc()
        finally:
            _exit(code)

    def _prepare(self) -> None:
        """Drop the worker's connections and pipes, and set up what a task expects of its process."""
        drop_inherited()
        self._close_shared()
        bound_as("tasks")
        forked.detach_children()
        os.setpgid(0, 0)
        multiprocessing.current_process().daemon = False  # a daemon could not use multiprocessing
        with suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
            file.write("500")  # the OOM killer should take this process, not the worker
        self._redirect_output()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, _not_for_tasks)
        signal.signal(STOP_SIGNAL, self._on_stop)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signal.valid_signals())

    def _close_shared(self) -> None:
        """Close what the cluster's processes communicate by. Log files, and sockets with a name, stay open."""
        memory = self._memory
        keep = _of_logs() | {
            0, 1, 2, self._tokens, self._connection.fileno(), memory.records.fd, memory.output.fd,
            memory.live.fd, connection_slots.tasks.fd,
        }  # fmt: skip
        for name in os.listdir("/dev/fd"):
            with suppress(OSError):
                if int(name) not in keep and _is_shared(int(name)):
                    os.close(int(name))

    def _redirect_output(self) -> None:
        """Redirect standard output and error to the job's log. Log handlers of either use the former standard error.

        Log records get the job, its owner and the attempt, for handlers that write them.
        """
        log = os.fdopen(os.dup(2), "w", buffering=1, errors="backslashreplace")
        for handler in _log_handlers():
            handler.addFilter(self._note_job)
            if isinstance(handler, logging.StreamHandler) and handler.stream in (sys.stderr, sys.stdout):
                handler.setStream(log)
        for descriptor in (1, 2):
            os.dup2(self._memory.output.fd, descriptor)
        sys.stdout = open(1, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115

    def _note_job(self, record: logging.LogRecord) -> bool:
        for name, value in self._present.items():
            record.__dict__.setdefault(name, value)
        return True

    def _next_turn(self) -> dict[int, JobRow] | None:
        """Wait for the next turn. If it does not come at once, send the spans meanwhile."""
        if self._spans is not None and not select.select([self._connection], [], [], IDLE_SECONDS)[0]:
            self._spans.flush(0.0)
        return self._receive()

    def _ask_to_be_replaced(self) -> NoReturn:
        if self._spans is not None:
            self._spans.flush()
        _exit(REPLACE_ME)

    def _receive(self) -> dict[int, JobRow] | None:
        """Return the jobs of the next turn, by their index; None if the worker is gone."""
        received, length = b"", LENGTH
        while len(received) < length:
            part = self._connection.recv(1 << 20)
            if not part:
                return None
            received += part
            if len(received) >= LENGTH:
                length = LENGTH + int.from_bytes(received[:LENGTH], "big")
        rows: list[JobRow] = marshal.loads(received[LENGTH:])  # noqa: S302 (from our own worker)
        return {row[0]: row for row in rows}

    def _indexes(self) -> Iterator[int]:
        """Yield the indexes of jobs to run, until the worker has taken the rest back or none is left."""
        with suppress(BlockingIOError):
            while token := _read(self._tokens, 2):
                yield int.from_bytes(token, "big")

    def _run(self, job: JobRow) -> None:
        """Run one attempt. Its record is written before the process is checked, which may end it."""
        started = _monotonic()
        self._memory.start(job[0], started)
        # Context variables end with the job, among them the decimal context, Django's time zone and its language.
        context = Context()
        if self._spans is not None:
            context.run(self._spans.begin, Attempt(job[1], job[2], job[8], job[5], job[9]))
        kind, text, trace = context.run(self._attempt, job)
        if _getpid() != self._pid:
            _exit(0)  # a process that the task forked, and that left the task
        if (left := self._databases.reset()) is not None and kind == Kind.RESULT:
            kind, text = Kind.ERROR, left
        if self._spans is not None:
            self._spans.end(kind, text, trace, self._memory.stop)
        if not self._memory.records.is_open():
            self._ask_to_be_replaced()
        log = self._memory.take_log() + trace
        ended = _monotonic()
        memory = self._memory
        memory.add(Record(job[0], started, ended, kind, text, log, memory.fraction, memory.message, memory.said))
        if job[7] == After.REPLACE or self._state.has_changed(thoroughly=job[7] == After.LOOK):
            self._ask_to_be_replaced()

    def _attempt(self, job: JobRow) -> tuple[Kind, str, str]:
        """Return how the task ended, its result or error, and its traceback. Raises nothing."""
        _, name, task_name, payload, duration, attempt, memory_limit, _, owner, _ = job
        self._present = {"job": name, "owner": owner, "attempt": attempt}
        try:
            with bounded_memory(memory_limit):
                try:
                    self._in_task = True
                    task = self._tasks.get(task_name)
                    if task is None:
                        raise LookupError(f"There is no task {task_name!r} in this version of the site.")
                    handle = JobContext(name, duration, attempt, self._memory, owner)
                    return Kind.RESULT, result_text(task.run(handle, _loads(payload))), ""
                finally:
                    self._in_task = False
        except BaseException as failure:
            return describe(failure)

    def _takes_too_much(self) -> bool:
        """Whether the process holds more than TASK_PROCESS_MEMORY_MB. Asks for the peak first, which is cheaper."""
        most = queue_settings().TASK_PROCESS_MEMORY_MB * 1e6
        if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 < most:
            return False
        return resident_bytes(self._pid) > most

    def _on_stop(self, *_: Any) -> None:
        """Handle STOP_SIGNAL."""
        reason = _REASONS.get(self._memory.stop)
        if self._in_task and reason is not None and _getpid() == self._pid:
            raise reason


def _not_for_tasks(*_: Any) -> None:
    """Ignore SIGTERM, SIGINT and SIGHUP: they stop the cluster, which gives its jobs time. `job.stopping` says so."""
