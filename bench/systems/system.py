"""What every system under test offers: prepare, submit, run until done, close."""

from __future__ import annotations

import importlib.util
from abc import ABC, abstractmethod
from typing import ClassVar

from bench.harness import Crew, Server
from bench.loads import Load
from bench.records import Record, Records

PROCESSORS = 4


class System(ABC):
    """A job queue with one way of setting it up. Prepared anew for every run, in a database of its own."""

    key: ClassVar[str]
    title: ClassVar[str]
    settings: ClassVar[str]
    """How it is set up, and why so."""
    needs: ClassVar[tuple[str, ...]] = ()
    """Packages without which it cannot run."""
    processors: int = PROCESSORS
    loads: ClassVar[tuple[str, ...]] = ("heavy", "weighted")
    """The loads for which this way of setting it up differs from another one here."""

    def missing(self) -> list[str]:
        """The packages that it needs and that are not installed."""
        return [name for name in self.needs if importlib.util.find_spec(name) is None]

    def prepare(self, server: Server, load: Load, seconds: float) -> None:
        """Make its database; jobs of `load` will hold a processor for `seconds` each."""
        self.server, self.load, self.seconds = server, load, seconds
        self.url = server.fresh(self.database)
        self.records = Records(self.url)
        self.records.create()
        self.install()

    @property
    def database(self) -> str:
        """The name of its database."""
        return f"turnabout_bench_{self.key.replace('-', '_')}"

    @abstractmethod
    def install(self) -> None:
        """Tables, users and rules, in the empty database at `url`."""

    @abstractmethod
    def submit(self) -> None:
        """Put the whole load in line, durably, batch by batch."""

    @abstractmethod
    def start(self, crew: Crew) -> None:
        """Start its processors."""

    def run(self, limit: float) -> list[Record]:
        """What was recorded when every job had ended, or after `limit` seconds."""
        jobs = sum(self.load.jobs.values())
        with Crew(DATABASE_URL=self.url, PROCESSORS=str(self.processors)) as crew:
            self.start(crew)
            crew.wait(lambda: self.records.count() >= jobs, limit)
        return self.records.read()

    def amiss(self) -> str:
        """What its own tables say went wrong in the run; empty: nothing, or it is not asked."""
        return ""

    def close(self) -> None:
        """Drop its database."""
        self.records.close()
        self.server.drop(self.database)
