"""The worker's side of a task process: fork it, send it the jobs of a turn, watch it, end it."""

from __future__ import annotations

import gc
import marshal
import os
import select
import signal
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from enum import Enum, auto

import psutil

from ..conf import queue_settings
from ..lifecycle.outcome import JobOutcome
from ..lifecycle.turn import ClaimedJob
from . import forked
from .memory import resident_bytes
from .shared_memory import Record, SharedMemory, Stop
from .task_runner import LENGTH, REPLACE_ME, STOP_SIGNAL, After, TaskRunner

SEND_SECONDS = 10.0
"""Maximum seconds that a task process takes to receive the jobs of a turn."""


class Event(Enum):
    """The result of TaskProcess.wait()."""

    NOTHING = auto()
    """The time ran out, or a task wrote to the connection."""
    TURN_OVER = auto()
    """Every job of the turn that was not taken back has ended."""
    ENDED = auto()
    """The process ended, by itself or by a signal; or it closed its connection, and was ended."""


class TaskProcess:
    """A task process; a worker has one at a time. Replaced when it ends, as it does after a job that changed it."""

    def __init__(self, died: tuple[ClaimedJob, JobOutcome] | None = None) -> None:
        """Fork the process. `died`: the attempt during which the process before it died; this one traces it."""
        self.memory = SharedMemory()
        self.exit: str | None = None
        """How the process ended, in words. "": it asked to be replaced; None: it has not ended."""
        self._jobs: set[int] = set()
        self._resident_at_start = 0
        self._said = b""
        ours, theirs = socket.socketpair()
        self._tokens_out, self._tokens_in = os.pipe()
        os.set_blocking(self._tokens_out, False)
        self._connection = ours
        gc.freeze()  # keeps memory shared with the child: the collector does not write to it
        self.pid = os.fork()
        if self.pid == 0:
            ours.close()
            os.close(self._tokens_in)
            TaskRunner(self.memory, theirs, self._tokens_out, died).run()
        theirs.close()
        ours.settimeout(SEND_SECONDS)
        self._poll = select.poll()
        self._poll.register(ours, select.POLLIN)
        self._pidfd = os.pidfd_open(self.pid) if hasattr(os, "pidfd_open") else -1
        if self._pidfd >= 0:
            self._poll.register(self._pidfd, select.POLLIN)

    def begin(self, jobs: Mapping[int, ClaimedJob], memory_limits: Mapping[int, float | None]) -> None:
        """Send jobs, by their index in the turn, to run in that order. If the process has ended, wait() says so."""
        self.memory.clear()
        self._jobs = set(jobs)
        after = _after_each([job.owner for job in jobs.values()], queue_settings().TASK_PROCESS_FOR)
        rows = [
            (
                i, job.name, job.task, job.payload, job.duration, job.attempt, memory_limits[i], int(then), job.owner,
                job.submitted,
            )
            for (i, job), then in zip(jobs.items(), after, strict=True)
        ]  # fmt: skip
        if any(limit is not None for limit in memory_limits.values()):
            self._resident_at_start = self._resident_bytes()
        body = marshal.dumps(rows)
        with suppress(OSError):
            os.write(self._tokens_in, b"".join(index.to_bytes(2, "big") for index in jobs))
            self._connection.sendall(len(body).to_bytes(LENGTH, "big") + body)

    def wait(self, seconds: float) -> Event:
        """Return what happened first within so many seconds."""
        ready = {descriptor for descriptor, _ in self._poll.poll(seconds * 1000)}
        if self._connection.fileno() in ready:
            if (said := self._receive()) is not None:
                return said
            # A process that ends closes its connection a moment earlier.
            alive = not self._ends_within(0.2)
            self.end()
            if alive:
                self.exit = "closed the connection between its process and the worker"
            return Event.ENDED
        if self._pidfd in ready or (self._pidfd < 0 and not ready and self._has_ended()):
            self.end()
            return Event.ENDED
        return Event.NOTHING

    def _receive(self) -> Event | None:
        """Return TURN_OVER or NOTHING; None if the connection is closed. Bytes that a task wrote are skipped."""
        part = b""
        with suppress(OSError):
            part = self._connection.recv(4096)
        said = self.memory.mark.encode()
        self._said = (self._said + part)[-2 * len(said) :]
        if said in self._said:
            self._said = b""
            return Event.TURN_OVER
        return Event.NOTHING if part else None

    def take_back(self) -> set[int]:
        """Take back the jobs that were not started. Return their indexes.

        Atomic: the pipe gives each index to one reader.
        """
        left: set[int] = set()
        with suppress(BlockingIOError):
            while token := os.read(self._tokens_out, 2):
                left.add(int.from_bytes(token, "big"))
        return left & self._jobs

    def records(self) -> list[Record]:
        """Return the records of the turn's jobs that ended. Only the first record of a job counts."""
        found: dict[int, Record] = {}
        for record in self.memory.ended():
            if record.place in self._jobs:
                found.setdefault(record.place, record)
        return list(found.values())

    def interrupt(self, stop: Stop) -> None:
        """Raise the reason to stop inside the task, unless the task blocks the signal."""
        self.memory.tell(stop=stop, cancelled=stop is Stop.CANCELLED, stopping=self.memory.stopping)
        with suppress(ProcessLookupError):
            os.kill(self.pid, STOP_SIGNAL)

    def has_taken(self, size: float) -> bool:
        """Whether the process and its descendants hold `size` bytes more than they did at begin()."""
        return self._resident_bytes() > self._resident_at_start + size

    def end(self) -> None:
        """End the process and all processes that its tasks started. Sets `exit`."""
        if self.exit is not None:
            return
        self.exit = _in_words(self._reap())
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        forked.end_orphans()

    def close(self) -> None:
        """End the process, and close its descriptors and its shared files."""
        self.end()
        self._connection.close()
        for descriptor in (self._tokens_in, self._tokens_out, self._pidfd):
            if descriptor >= 0:
                os.close(descriptor)
        self.memory.records.close()
        self.memory.output.close()
        self.memory.live.close()

    def _resident_bytes(self) -> int:
        with suppress(psutil.Error):
            children = psutil.Process(self.pid).children(recursive=True)
            return sum(resident_bytes(pid) for pid in (self.pid, *(child.pid for child in children)))
        return 0

    def _ends_within(self, seconds: float) -> bool:
        if self._pidfd < 0:
            time.sleep(seconds)
            return self._has_ended()
        return bool(select.select([self._pidfd], [], [], seconds)[0])

    def _has_ended(self) -> bool:
        with suppress(psutil.Error):
            return psutil.Process(self.pid).status() == psutil.STATUS_ZOMBIE
        return True

    def _reap(self) -> int:
        """Return the wait status, of its own end if it has ended; else kill it. 0: it was reaped before."""
        try:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                return status
            os.kill(self.pid, signal.SIGKILL)
            return os.waitpid(self.pid, 0)[1]
        except (ChildProcessError, ProcessLookupError):
            return 0


def _after_each(owners: list[int], serves: str) -> list[After]:
    """Return the step after each of a turn's jobs, of these owners. Nobody knows the owner after the last."""
    at_end = After.LOOK if serves == "many" else After.REPLACE
    within = After.REPLACE if serves == "job" else After.GO_ON
    return [
        within if owner == following else at_end for owner, following in zip(owners, [*owners[1:], None], strict=True)
    ]


def _in_words(status: int) -> str:
    """Return how a process ended, from its wait status; "" if it asked to be replaced."""
    code = os.waitstatus_to_exitcode(status)
    if code == REPLACE_ME:
        return ""
    if code >= 0:
        return f"ended its process with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"was ended by {name}" + (", perhaps for want of memory" if -code == signal.SIGKILL else "")
