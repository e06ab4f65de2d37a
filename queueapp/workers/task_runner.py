"""The task process: runs the tasks of jobs, and nothing else. A worker forks it, feeds it, and outlives it.

It has no part in the queue's bookkeeping and no connection to the queue. Whatever a task does to it, the worst
that can happen is that it ends.
"""

from __future__ import annotations

import json
import logging
import marshal
import multiprocessing
import os
import resource
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
from typing import Any, NoReturn

from ..conf import queue_settings
from ..db.sessions import bound_as
from ..errors import JobCancelled, JobStopped, LeaseLost, TimeLimitReached
from ..registry import JobContext, all_tasks
from . import forked
from .attempt_text import describe, result_text
from .memory import bounded_memory, resident_bytes
from .process_state import ProcessState
from .shared_memory import Kind, Record, SharedMemory, Stop
from .task_databases import TaskDatabases, drop_inherited

STOP_SIGNAL = signal.SIGUSR1
"""Has the main thread look whether the present job is to stop, and raise the reason where the task's code runs."""
REPLACE_ME = 75
"""Exit code of a task process that is not as it was, and asks for another in its place."""
LENGTH = 8
"""Bytes before a turn's jobs that say how long they are."""

_REASONS: dict[Stop, type[JobStopped]] = {
    Stop.CANCELLED: JobCancelled,
    Stop.TIME_LIMIT: TimeLimitReached,
    Stop.LEASE_LOST: LeaseLost,
}
# Bound here, so that a task that replaces these changes nothing.
_monotonic, _exit, _getpid, _read, _loads = time.monotonic, os._exit, os.getpid, os.read, json.loads


class After(IntEnum):
    """What is to be done after a job."""

    GO_ON = 0
    """The next one is of the same owner."""
    LOOK = 1
    """The next one may be somebody else's."""
    REPLACE = 2
    """There is no next one for this process."""


JobRow = tuple[int, str, str, str, float, int, float | None, int]
"""A job as it is sent: its index in the turn, name, task, payload as JSON, duration, attempt, memory limit in MB, and
what is to be done after it."""


class TaskRunner:
    """Runs jobs until its worker closes the connection."""

    def __init__(self, memory: SharedMemory, connection: socket.socket, tokens: int) -> None:
        self._memory = memory
        self._connection = connection
        self._tokens = tokens
        self._in_task = False
        self._pid = _getpid()
        self._tasks = all_tasks()

    def run(self) -> NoReturn:
        """Never returns: the code of the parent that follows the fork is not for this process."""
        code = 70
        try:
            self._prepare()
            self._databases = TaskDatabases()
            self._state = ProcessState()
            said = self._memory.mark.encode()
            while (jobs := self._receive()) is not None:
                for index in self._indexes():
                    self._run(jobs[index])
                if self._takes_too_much():
                    _exit(REPLACE_ME)
                self._connection.sendall(said)
            code = 0
        except BaseException:
            with suppress(BaseException):
                traceback.print_exc()
        finally:
            _exit(code)

    def _prepare(self) -> None:
        """Nothing of the worker's, and what a task expects of a process of its own."""
        drop_inherited()
        self._close_pipes()
        bound_as("tasks")
        forked.detach_children()
        os.setpgid(0, 0)
        multiprocessing.current_process().daemon = False  # else a task could start no processes
        with suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
            file.write("500")  # rather this process than its worker
        self._redirect_output()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, _not_for_tasks)
        signal.signal(STOP_SIGNAL, self._on_stop)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signal.valid_signals())

    def _close_pipes(self) -> None:
        """Those of the cluster, by which its processes talk to each other. What is logged to files stays open."""
        keep = {0, 1, 2, self._tokens}
        for name in os.listdir("/dev/fd"):
            with suppress(OSError):
                if int(name) not in keep and stat.S_ISFIFO(os.fstat(int(name)).st_mode):
                    os.close(int(name))

    def _redirect_output(self) -> None:
        """Standard output and error become the job's; what is logged goes where it went before."""
        log = os.fdopen(os.dup(2), "w", buffering=1, errors="backslashreplace")
        for logger in (logging.root, *logging.root.manager.loggerDict.values()):
            for handler in getattr(logger, "handlers", ()):
                if isinstance(handler, logging.StreamHandler) and handler.stream in (sys.stderr, sys.stdout):
                    handler.setStream(log)
        for descriptor in (1, 2):
            os.dup2(self._memory.output.fd, descriptor)
        sys.stdout = open(1, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115

    def _receive(self) -> dict[int, JobRow] | None:
        """The jobs of the next turn, by their index; None: the worker is gone."""
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
        """The indexes of jobs to run, as long as the worker has not taken the rest back."""
        with suppress(BlockingIOError):
            while token := _read(self._tokens, 2):
                yield int.from_bytes(token, "big")

    def _run(self, job: JobRow) -> None:
        """One attempt: its record is written before anything else may go wrong."""
        started = _monotonic()
        self._memory.start(job[0], started)
        # Context variables end with the job: of them are the decimal context, Django's time zone and its language.
        kind, text, trace = Context().run(self._attempt, job)
        if _getpid() != self._pid:
            _exit(0)  # a fork that came back from the task
        if (left := self._databases.reset()) is not None and kind == Kind.RESULT:
            kind, text = Kind.ERROR, left
        if not self._memory.records.is_open():
            _exit(REPLACE_ME)
        log = self._memory.take_log() + trace
        ended = _monotonic()
        self._memory.add(Record(job[0], started, ended, kind, text, log, self._memory.fraction, self._memory.message))
        if job[7] == After.REPLACE or self._state.has_changed(thoroughly=job[7] == After.LOOK):
            _exit(REPLACE_ME)

    def _attempt(self, job: JobRow) -> tuple[Kind, str, str]:
        """How the task ended, its result or error, and its traceback. Raises nothing."""
        _, name, task_name, payload, duration, attempt, memory_limit, _ = job
        try:
            with bounded_memory(memory_limit):
                try:
                    self._in_task = True
                    task = self._tasks.get(task_name)
                    if task is None:
                        raise LookupError(f"There is no task {task_name!r} in this version of the site.")
                    handle = JobContext(name, duration, attempt, self._memory)
                    return Kind.RESULT, result_text(task.run(handle, _loads(payload))), ""
                finally:
                    self._in_task = False
        except BaseException as failure:
            return describe(failure)

    def _takes_too_much(self) -> bool:
        """Whether more memory than a task process may keep is taken now. To ask for the peak first is cheaper."""
        most = queue_settings().TASK_PROCESS_MEMORY_MB * 1e6
        if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 < most:
            return False
        return resident_bytes(self._pid) > most

    def _on_stop(self, *_: Any) -> None:
        """Receiver of STOP_SIGNAL."""
        reason = _REASONS.get(self._memory.stop)
        if self._in_task and reason is not None and _getpid() == self._pid:
            raise reason


def _not_for_tasks(*_: Any) -> None:
    """SIGTERM and the like stop the cluster, which gives its jobs time; `job.stopping` says so."""
