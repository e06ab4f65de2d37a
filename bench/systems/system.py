"""The interface of every system under test: prepare, submit, run until done, close."""

from __future__ import annotations

import importlib.util
from abc import ABC, abstractmethod
from typing import ClassVar

from bench.harness import Crew, Server
from bench.loads import Load
from bench.records import Record, Records

PROCESSORS = 4


class System(ABC):
    """A job queue in one configuration. `prepare` makes a database of its own for every run."""

    key: ClassVar[str]
    title: ClassVar[str]
    settings: ClassVar[str]
    """The configuration and its reasons, for the report."""
    needs: ClassVar[tuple[str, ...]] = ()
    """Packages that it cannot run without."""
    processors: int = PROCESSORS
    loads: ClassVar[tuple[str, ...]] = ("heavy", "weighted")
    """The loads for which this configuration differs from another one here."""

    def missing(self) -> list[str]:
        """Return the needed packages that are not installed."""
        return [name for name in self.needs if importlib.util.find_spec(name) is None]

    def prepare(self, server: Server, load: Load, seconds: float) -> None:
        """Make its database and install it there. Each job of `load` will hold a processor for `seconds`."""
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
        """Make tables, users and rules in the empty database at `url`."""

    @abstractmethod
    def submit(self) -> None:
        """Submit the whole load, batch by batch, with synchronous commits."""

    @abstractmethod
    def start(self, crew: Crew) -> None:
        """Start its processors in `crew`."""

    def run(self, limit: float) -> list[Record]:
        """Run until every job has ended, at most `limit` seconds, and return the records.

        Raises RuntimeError if a process ends before.
        """
        jobs = sum(self.load.jobs.values())
        with Crew(DATABASE_URL=self.url, PROCESSORS=str(self.processors)) as crew:
            self.start(crew)
            crew.wait(lambda: self.records.count() >= jobs, limit)
        return self.records.read()

    def amiss(self) -> str:
        """Return the errors of the run that its own tables show; empty: none, or they are not checked."""
        return ""

    def close(self) -> None:
        """Drop its database."""
        self.records.close()
        self.server.drop(self.database)
