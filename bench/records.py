"""Who held a processor from when to when: one table, filled alike by every system's job function, by one clock."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass

import psycopg

WRITE_EVERY = 0.25
"""Seconds between two writes of a process: a job only appends to a list, so that writing does not slow it."""

clock = time.monotonic
"""CLOCK_MONOTONIC: the same for all processes of one machine."""


@dataclass(frozen=True)
class Record:
    """That a job of this user held this processor (a process id) from one moment to another."""

    user: str
    processor: int
    started: float
    ended: float


class Recorder:
    """Collects the records of this process; a thread of its own writes them to the database at DATABASE_URL."""

    def __init__(self) -> None:
        self._new: list[Record] = []
        self._lock = threading.Lock()
        self._writer: threading.Thread | None = None

    def add(self, user: str, started: float) -> None:
        """Record that a job of this user, begun at `started`, ends now."""
        record = Record(user, os.getpid(), started, clock())
        with self._lock:
            self._new.append(record)
        self.start()

    def start(self) -> None:
        """Start the thread, at the first job at the latest; not sooner where a process forks, as django-q2 does."""
        if self._writer is None:
            self._writer = threading.Thread(target=self._write, name="records", daemon=True)
            self._writer.start()

    def _write(self) -> None:
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
            connection.execute("SET synchronous_commit = off")
            while True:
                time.sleep(WRITE_EVERY)
                with self._lock:
                    batch, self._new = self._new, []
                if batch:
                    with connection.cursor().copy("COPY bench_record FROM STDIN") as copy:
                        for record in batch:
                            copy.write_row((record.user, record.processor, record.started, record.ended))


class Records:
    """The table in one database."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)

    def create(self) -> None:
        """Make the empty table."""
        self._connection.execute(
            "CREATE TABLE bench_record"
            " (username text, processor integer, started double precision, ended double precision)"
        )

    def count(self) -> int:
        """How many jobs have ended and been written."""
        row = self._connection.execute("SELECT count(*) FROM bench_record").fetchone()
        return int(row[0]) if row else 0

    def read(self) -> list[Record]:
        """All records, in the order in which jobs started."""
        query = "SELECT username, processor, started, ended FROM bench_record ORDER BY started, ended"
        return [Record(*row) for row in self._connection.execute(query)]

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()
