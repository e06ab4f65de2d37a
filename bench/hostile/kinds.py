"""What a kind of misbehaviour is, and all of them by name. tasks/ has them, each registered as a task of the queue."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.histories.record import running
from queueapp.registry import JobContext, task

PREFIX = "hostile."
Function = Callable[[JobContext], Any]


@dataclass(frozen=True)
class Kind:
    """One way to misbehave.

    `ends`: how its jobs may end (failed, succeeded); empty: either. `says`: a regular expression that the error must
    match. `times`: jobs that are submitted. `patience`: seconds that they and the jobs beside them may take in all.
    `calm`: seconds that a bystander may wait for GET queue/ meanwhile. `harmless`: False where it hits the processor's
    parent, which may cost the jobs beside it an attempt.
    """

    name: str
    group: str
    about: str
    ends: str = ""
    says: str = ""
    times: int = 1
    patience: float = 20.0
    calm: float = 1.0
    harmless: bool = True

    @property
    def short(self) -> bool:
        """Whether it is in the short form."""
        return self.name in SHORT


KINDS: dict[str, Kind] = {}

SHORT = frozenset(
    """
    begin copy-unfinished statement-timeout search-path temporary-table close-connection lock-processor
    str-raises str-recurses cancelled-error cyclic-cause result-surrogate result-lying-class result-2-mb progress-nan
    exit-1 sigkill close-all-files garbage-to-files no-memory fork-returns
    signals-blocked tidies-up database-sleep
    thread-left json-dumps folder recursion-limit registry
    """.split()  # noqa: SIM905 (a table of words)
)


def kind(
    name: str, *, attempts: int = 2, limit: float | None = None, group: str = "", **fields: Any
) -> Callable[[Function], Function]:
    """Register a function as the task `hostile.<name>` and as a kind. Its docstring says what it does."""

    def register(function: Function) -> Function:
        @functools.wraps(function)
        def recorded(job: JobContext) -> Any:
            with running(job.job_id, job.attempt):
                return function(job)

        recorded.__qualname__ = f"{PREFIX}{name}"
        recorded.__annotations__ = {"job": JobContext, "return": Any}
        task(f"{PREFIX}{name}", max_attempts=attempts, time_limit=limit)(recorded)
        where = group or function.__module__.rpartition(".")[2]
        KINDS[name] = Kind(name, where, " ".join((function.__doc__ or "").split()).rstrip("."), **fields)
        return function

    return register
