"""A history as the checker sees it: requests, runs and answers. Shares no code with the product.

The operations by `f`, with their `value` (record.py has the format):

    setup      info: {"processors", "quantum", "max_turn", "lease", "flows": "own" or "shared", "weights": {user: ...}}
    submit     invoke, then ok, fail or info: {"user", "jobs": [{"job", "duration"}]}
    cancel, retry, read     the same, with one "job"; ok has the "status" and "attempt" of the answer
    read-all   ok: {"user", "jobs": [...]}: every job of the user, at the end of a run
    completed  ok: {"user", "id", "job", "owner", "status", "attempt"}: an event of a stream
    run        by the task itself, invoke at its start, ok or fail at its end: {"job", "attempt", "pid"}
    gone       info: {"pid", "seen"}: a process that ran tasks has ended; it was last seen alive at `seen`
    fault      something is killed, cut or stopped: invoke at the begin, info at the end
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

FINISHED = frozenset({"succeeded", "failed", "cancelled"})
NEVER = math.inf


@dataclass
class Asked:
    """A job that a user submitted. `begun`: when it was first requested; `known`: when first acknowledged. Seconds."""

    job: str
    user: str
    duration: float
    request: int
    index: int
    begun: float
    known: float = NEVER
    refused_only: bool = True
    cancelled: bool = False
    retried: bool = False


@dataclass
class Run:
    """A run of a task. `end`: NEVER if nobody saw one; `ended`: ok, fail, or empty."""

    job: str
    attempt: int
    pid: int
    start: float
    end: float = NEVER
    ended: str = ""


@dataclass(frozen=True)
class Told:
    """A state of a job as it was answered to `f`. `begun`: when it was asked for; `at`: when it was answered."""

    job: str
    process: str
    f: str
    begun: float
    at: float
    user: str
    owner: str
    status: str
    attempt: int
    number: int = 0


@dataclass
class Retry:
    """A retry of a job that may have taken effect, at any moment between `begun` and `end`."""

    job: str
    begun: float
    end: float = NEVER


@dataclass
class Setup:
    """The settings of the site that the rules need. `quantum` and `lease` are seconds."""

    processors: int = 1
    quantum: float = 0.02
    max_turn: int = 100
    flows: str = "own"
    weights: Mapping[str, float] = field(default_factory=dict)
    lease: float = NEVER


@dataclass
class History:
    """The history of a run. Lists are in the order of time; moments are seconds of the monotonic clock."""

    setup: Setup = field(default_factory=Setup)
    asked: dict[str, Asked] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    retries: list[Retry] = field(default_factory=list)
    faults: list[float] = field(default_factory=list)
    """Moments at which faults began or ended, and at which processes were last seen."""
    cuts: list[tuple[float, float]] = field(default_factory=list)
    """Begin and end of each fault."""
    final: dict[str, dict[str, Told]] = field(default_factory=dict)
    """By user and job, the state in the user's last read-all."""

    def runs_of(self) -> dict[str, list[Run]]:
        """Return the runs by job, in the order of their starts."""
        found: dict[str, list[Run]] = defaultdict(list)
        for run in self.runs:
            found[run.job].append(run)
        return found


class _Reader:
    def __init__(self) -> None:
        self.history = History()
        self.open: dict[tuple[str, str], dict[str, Any]] = {}
        self.running: dict[int, Run] = {}

    def take(self, operation: dict[str, Any]) -> None:
        kind, f, value = operation["type"], operation["f"], operation["value"]
        at, key = operation["time"] / 1e9, (operation["process"], operation["f"])
        begun = at
        if kind == "invoke":
            self.open[key] = operation
        elif (before := self.open.pop(key, None)) is not None:
            begun = before["time"] / 1e9
        if f == "setup":
            self.history.setup = Setup(**value)
        elif f == "fault":
            self.history.faults.append(at)
            self.history.cuts += [(begun, at)] if begun < at else []
        elif f == "gone":
            self._gone(value["pid"], value["seen"] / 1e9)
        elif f == "run":
            self._run(kind, value, at)
        elif f == "submit":
            self._submit(kind, value, begun, at)
        elif f in {"cancel", "retry"}:
            self._change(f, kind, value, begun, at)
        if kind == "ok" and f != "run":
            self._tell(operation["process"], f, value, begun, at)

    def _run(self, kind: str, value: dict[str, Any], at: float) -> None:
        pid = value["pid"]
        if kind == "invoke":
            if pid in self.running:  # a process runs one job at a time: the last one's end was not written
                self.running.pop(pid).end = at
            run = Run(value["job"], value["attempt"], pid, at)
            self.running[pid] = run
            self.history.runs.append(run)
        elif pid in self.running and self.running[pid].job == value["job"]:
            run = self.running.pop(pid)
            run.end, run.ended = at, kind

    def _gone(self, pid: int, seen: float) -> None:
        if (run := self.running.pop(pid, None)) is not None:
            run.end = max(run.start, seen)
            self.history.faults.append(seen)

    def _submit(self, kind: str, value: dict[str, Any], begun: float, at: float) -> None:
        request = len(self.history.asked)
        for index, job in enumerate(value["jobs"]):
            new = Asked(job["job"], value["user"], job["duration"], request, index, begun)
            asked = self.history.asked.setdefault(job["job"], new)
            if kind == "ok":
                asked.known = min(asked.known, at)
            asked.refused_only &= kind in {"invoke", "fail"}

    def _change(self, f: str, kind: str, value: dict[str, Any], begun: float, at: float) -> None:
        asked = self.history.asked.get(value["job"])
        if f == "cancel" and asked is not None and kind != "fail":
            asked.cancelled = True
        if f == "retry" and kind in {"ok", "info"}:
            self.history.retries.append(Retry(value["job"], begun, at if kind == "ok" else NEVER))
            if asked is not None:
                asked.retried = True

    def _tell(self, process: str, f: str, value: dict[str, Any], begun: float, at: float) -> None:
        jobs = value["jobs"] if f == "read-all" else [value] if "status" in value else []
        told = [
            Told(
                job["job"], process, f, begun, at, value["user"], job.get("owner", value["user"]), job["status"],
                job["attempt"], value.get("id", 0),
            )
            for job in jobs
        ]  # fmt: skip
        self.history.told += told
        if f == "read-all":
            self.history.final[value["user"]] = {one.job: one for one in told}


def read(lines: Iterable[str]) -> History:
    """Return the history in these lines. Raises ValueError if a line is not JSON."""
    reader = _Reader()
    operations = [json.loads(line) for line in lines]
    for operation in sorted(operations, key=lambda operation: operation["time"]):
        reader.take(operation)
    for key, operation in reader.open.items():  # begun without an end: they may have taken effect
        if key[1] == "retry":
            reader.history.retries.append(Retry(operation["value"]["job"], operation["time"] / 1e9))
        if key[1] == "submit":
            for job in operation["value"]["jobs"]:
                reader.history.asked[job["job"]].refused_only = False
    return reader.history
