"""Records: which user held which processor, and when. The job functions of all systems fill one table, by one clock."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass

import psycopg

WRITE_EVERY = 0.25
"""Seconds between two writes of a process. Jobs only append to a list, so that writing does not slow them."""

clock = time.monotonic
"""CLOCK_MONOTONIC: the same for all processes of one machine."""


@dataclass(frozen=True)
class Record:
    """A job of `user` that held `processor` (a process id), with its start and end by `clock`."""

    user: str
    processor: int
    started: float
    ended: float


class Recorder:
    """Collects the records of this process. A thread writes them to the database at DATABASE_URL."""

    def __init__(self) -> None:
        self._new: list[Record] = []
        self._lock = threading.Lock()
        self._writer: threading.Thread | None = None

    def add(self, user: str, started: float) -> None:
        """Record that a job of this user, which began at `started`, ends now. Starts the thread."""
        record = Record(user, os.getpid(), started, clock())
        with self._lock:
            self._new.append(record)
        self.start()

    def start(self) -> None:
        """Start the thread. Call it only after the last fork: django-q2's workers call it with their first job."""
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
    """The table of records in one database."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)

    def create(self) -> None:
        """Make the empty table."""
        self._connection.execute(
            "CREATE TABLE bench_record"
            " (username text, processor integer, started double precision, ended double precision)"
        )

    def count(self) -> int:
        """Return the number of jobs that have ended and been written."""
        row = self._connection.execute("SELECT count(*) FROM bench_record").fetchone()
        return int(row[0]) if row else 0

    def read(self) -> list[Record]:
        """Return all records, in the order in which the jobs started."""
        query = "SELECT username, processor, started, ended FROM bench_record ORDER BY started, ended"
        return [Record(*row) for row in self._connection.execute(query)]

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
