"""Memory that a worker and its task process share: the present job, its progress, records of ended jobs, and output.

The memory outlives the task process, so the worker knows which job a dead process was running. The worker trusts none
of it: the task process may have written anything. So the worker checks and bounds all that it reads.
"""

from __future__ import annotations

import mmap
import secrets
import struct
from collections.abc import Iterator
from contextlib import suppress
from enum import IntEnum, StrEnum
from typing import NamedTuple

from ..registry import LONGEST_MESSAGE, Reports
from ..storable import cut_middle
from . import job_reports
from .job_reports import Said
from .shared_file import SharedFile

LOG_KEPT = 16_384
"""Bytes of an attempt's output that are kept: half from its beginning, half from its end."""
OUTPUT_MOST = 16 * 1024 * 1024
"""Maximum bytes of output in memory. Beyond that, all but its beginning is dropped."""
RECORDS_KEPT = 1 << 20
"""Maximum bytes of earlier turns' records that stay in memory. Dropping them after each turn would be slower."""
RECORD_MOST = 64 * 1024 * 1024
"""Maximum bytes of one turn's records that a worker reads. The rest is lost."""

LIVE_LOG = 8_192
"""Bytes from the end of a running job's output that its page shows."""
SAID_MOST = 200_000
"""Maximum bytes of stages and note as JSON text. The longest of them, all control characters, have some less."""

_START = struct.Struct("=id")
_FLAGS = struct.Struct("=BBB")
_PROGRESS = struct.Struct("=IdH")
_START_AT, _FLAGS_AT, _PROGRESS_AT, _MESSAGE_AT = 0, 16, 32, 64
_SIZE = 4096
NO_JOB = -1
NOTHING_SAID = (0, 0)
NOTHING_LEFT = '[[], ""]'
"""The JSON text of a job that took its note back, unlike none: that of a job that says nothing, or writes just now."""


class Stop(IntEnum):
    """The reason why a job is to stop."""

    NO = 0
    CANCELLED = 1
    TIME_LIMIT = 2
    LEASE_LOST = 3
    MEMORY_LIMIT = 4


class Kind(StrEnum):
    """How an attempt ended, as the task process saw it. A value has no blanks: they separate a record's fields."""

    RESULT = "result"
    REFUSED = "refused"
    ERROR = "error"
    STOPPED = "stopped"
    OUT_OF_MEMORY = "memory"


class Record(NamedTuple):
    """An attempt that ended. `place`: the job's index in the turn, from 0. Times are by time.monotonic.

    `text`: the result as JSON, "" for none, or the error. `log`: the output and the traceback. `said`: see
    job_reports.encoded().
    """

    place: int
    started: float
    ended: float
    kind: str
    text: str
    log: str
    fraction: float
    message: str
    said: str = ""


class SharedMemory(Reports):
    """The memory of one task process, made before the fork, so that the process inherits it."""

    def __init__(self) -> None:
        super().__init__()
        self._cell = mmap.mmap(-1, _SIZE)
        self.records = SharedFile("records")
        self.output = SharedFile("output")
        self.live = SharedFile("live")
        self.mark = secrets.token_hex(8)
        self._begin_of_record = f"\n{self.mark}".encode()
        self._read_from = 0
        self._published = False
        self.clear()

    def clear(self) -> None:
        """Forget the last turn. Call it before the next one begins."""
        self.start(NO_JOB, 0.0)
        self.tell()
        self._read_from = self.records.size()
        if self._read_from > RECORDS_KEPT:
            self.records.truncate(0)
            self._read_from = 0
        for file in (self.output, self.live):
            if file.size():
                file.truncate(0)

    # Written by the task process.

    def start(self, index: int, started: float) -> None:
        """Note the index of the job that runs now, and its start by time.monotonic."""
        _START.pack_into(self._cell, _START_AT, index, started)
        self.report(0.0, "")
        if self._published:
            self.stages, self.note, self._published = [], "", False
            with suppress(OSError):  # as in _publish()
                self.live.truncate(0)
        self.begun = started

    def report(self, fraction: float, message: str) -> None:
        """Note the progress of the present job. Safe from any thread: the worker discards a torn message."""
        version, _, _ = _PROGRESS.unpack_from(self._cell, _PROGRESS_AT)
        text = message.encode()
        _PROGRESS.pack_into(self._cell, _PROGRESS_AT, (version + 1) & 0xFFFFFFFF | 1, fraction, len(text))
        self._cell[_MESSAGE_AT : _MESSAGE_AT + len(text)] = text
        _PROGRESS.pack_into(self._cell, _PROGRESS_AT, ((version | 1) + 1) & 0xFFFFFFFF, fraction, len(text))

    def begin_stage(self, name: str) -> None:
        """Note that a stage begins now."""
        super().begin_stage(name)
        self._publish()

    def set_note(self, text: str) -> None:
        """Note the note."""
        super().set_note(text)
        self._publish()

    def write_log(self, line: str) -> None:
        """Append a line to the present job's output."""
        self.output.append(f"{line}\n".encode())

    @property
    def said(self) -> str:
        """The present job's stages and note, in the task process. The worker reads present_said()."""
        return job_reports.encoded(self.stages, self.note)

    def _publish(self) -> None:
        """Let the worker see the present stages and note. What it reads in between is nothing, or no JSON."""
        self._published = True
        with suppress(OSError):  # a task may have closed it
            self.live.truncate(0)
            self.live.append((self.said or NOTHING_LEFT).encode())

    def add(self, record: Record) -> None:
        """Append a record: a random mark that no task's text has, a line of numbers and sizes, then the texts."""
        place, started, ended, kind, text, log, fraction, message, said = record
        body, sizes = b"", "0 0 0 0"
        if text or log or message or said:
            parts = (text.encode(), log.encode(), message.encode(), said.encode())
            body, sizes = b"".join(parts), " ".join(str(len(part)) for part in parts)
        head = f"{place} {started!r} {ended!r} {fraction!r} {kind} {sizes}\n"
        self.records.append(self._begin_of_record + head.encode() + body)

    # Written by the worker.

    def tell(self, *, stop: Stop = Stop.NO, cancelled: bool = False, stopping: bool = False) -> None:
        """Tell the present job why it is to stop, whether it was cancelled, and whether its cluster is stopping."""
        _FLAGS.pack_into(self._cell, _FLAGS_AT, stop, cancelled, stopping)

    # Read by either.

    @property
    def stop(self) -> Stop:
        """Why the present job is to stop."""
        return Stop(_FLAGS.unpack_from(self._cell, _FLAGS_AT)[0])

    @property
    def cancelled(self) -> bool:  # type: ignore[override]  # read-only here
        """Whether the present job was cancelled."""
        return bool(_FLAGS.unpack_from(self._cell, _FLAGS_AT)[1])

    @property
    def stopping(self) -> bool:  # type: ignore[override]
        """Whether the cluster is being stopped."""
        return bool(_FLAGS.unpack_from(self._cell, _FLAGS_AT)[2])

    @property
    def fraction(self) -> float:  # type: ignore[override]
        """The progress, from 0 to 1 whatever the memory holds."""
        found: float = _PROGRESS.unpack_from(self._cell, _PROGRESS_AT)[1]
        return found if 0.0 <= found <= 1.0 else 0.0

    @property
    def message(self) -> str:  # type: ignore[override]
        """The message of the last report; empty while one is being written."""
        before, _, length = _PROGRESS.unpack_from(self._cell, _PROGRESS_AT)
        text = self._cell[_MESSAGE_AT : _MESSAGE_AT + min(length, 4 * LONGEST_MESSAGE)]
        after, _, _ = _PROGRESS.unpack_from(self._cell, _PROGRESS_AT)
        if before != after or before % 2:
            return ""
        return text.decode(errors="replace").replace("\x00", "")[:LONGEST_MESSAGE]

    def present(self) -> tuple[int, float]:
        """Return the index of the job that started last (NO_JOB: none has), and its start by time.monotonic."""
        index, started = _START.unpack_from(self._cell, _START_AT)
        return index, started

    def ended(self) -> list[Record]:
        """Return the records since the last clear(). Invalid ones are skipped."""
        length = min(self.records.size() - self._read_from, RECORD_MOST)  # a larger buffer takes longer to allocate
        return list(_parse(self.records.read(self._read_from, max(length, 0)), self._begin_of_record))

    def present_said(self) -> Said | None:
        """Return the present job's stages and note; None: nothing, or they are being written."""
        return job_reports.parsed(self.live.read(0, SAID_MOST).decode(errors="replace"))

    def said_version(self) -> tuple[int, int]:
        """Return what differs once more was said or printed: NOTHING_SAID before anything was."""
        return self.live.changed_at() if self.live.size() else 0, self.output.size()

    def log_end(self) -> str:
        """Return the end of the present job's output so far. The file stays as it is."""
        size = self.output.size()
        start = max(size - LIVE_LOG, 0)
        text = self.output.read(start, LIVE_LOG).decode(errors="replace").replace("\x00", "")
        return text.partition("\n")[2] if start else text

    def take_log(self) -> str:
        """Return the output since the last call, its middle cut out. Empties the file."""
        size = self.output.size()
        if size == 0:
            return ""
        half = LOG_KEPT // 2
        head = self.output.read(0, LOG_KEPT if size <= LOG_KEPT else half)
        text = head.decode(errors="replace")
        if size > LOG_KEPT:
            tail = self.output.read(size - half, half).decode(errors="replace")
            text = f"{text}\n[... {size - 2 * half:,} bytes left out ...]\n{tail}"
        self.output.truncate(0)
        return text.replace("\x00", "")

    def bound_output(self) -> None:
        """Drop output that takes too much memory, except its beginning."""
        if self.output.size() > OUTPUT_MOST:
            self.output.truncate(LOG_KEPT // 2)


def _parse(data: bytes, mark: bytes) -> Iterator[Record]:
    for part in data.split(mark)[1:]:
        head, _, body = part.partition(b"\n")
        try:
            place, started, ended, fraction, kind, *sizes = head.split(b" ")
            text, log, message, said = _cut(body, [int(size) for size in sizes]) if body else ("", "", "", "")
            yield Record(
                int(place), float(started), float(ended), kind.decode(), text, cut_middle(log, 3 * LOG_KEPT),
                float(fraction), message[:LONGEST_MESSAGE], said if len(said) <= SAID_MOST else "",
            )  # fmt: skip
        except ValueError:
            continue


def _cut(body: bytes, sizes: list[int]) -> Iterator[str]:
    start = 0
    for size in sizes:
        yield body[start : start + size].decode()
        start += size
