"""A run: load on several hosts, one fault after the other, and what came of each."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from bench.histories import record
from bench.histories.history import read
from bench.histories.rules import check
from bench.histories.watch import Watch
from bench.hosts.faults import FAULTS
from bench.hosts.fleet import PROCESSORS, WORKERS, Fleet
from bench.hosts.load import Load

USERS = ["ann", "ben", "cat", "dan"]
BACK_SECONDS = 60.0
"""Seconds after the mending by which every part must be back."""
CALM_SECONDS = 180.0
"""Seconds for all jobs to end after the last fault."""
ANSWER_BOUND = 36.0
"""Seconds by which every request is answered: statement_timeout and the network's bound together."""
_LIMITS = {"processors": len(WORKERS) * PROCESSORS, "quantum": 0.02, "max_turn": 100, "flows": "own", "lease": 15.0}


@dataclass
class Result:
    """What came of a fault. Times are seconds.

    `fewest`: processors alive meanwhile. `lost`: attempts that jobs lost. `answered`: from the mending until the queue
    is answered. `alive`: from the mending until all processors live. `longest`: request. `errors`: requests without a
    good answer.
    """

    name: str
    fewest: int = 0
    lost: int = 0
    answered: float = 0.0
    alive: float = 0.0
    longest: float = 0.0
    errors: int = 0
    broken: list[str] = field(default_factory=list)


class Fewest:
    """A context that looks at the live processors five times a second. `found`: their smallest number."""

    def __init__(self, fleet: Fleet) -> None:
        self.found = 10**6
        self._fleet, self._over = fleet, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Fewest:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.2):
            self.found = min(self.found, sum(self._fleet.alive().values()))


def run(folder: Path, names: Iterable[str], say: Callable[[str], None]) -> tuple[list[Result], list[str]]:
    """Inject these faults, and return the result of each, and the promises that were broken, in words."""
    history = folder / "history.jsonl"
    folder.mkdir(parents=True, exist_ok=True)
    history.unlink(missing_ok=True)
    record.to(str(history))
    record.write("bench", "info", "setup", _LIMITS)
    fleet, results, watch = Fleet(folder), [], Watch(history)
    watch.start()
    try:
        load = Load(fleet.url, fleet.start(USERS))
        load.start()
        time.sleep(10)
        for name in names:
            results.append(_inject(fleet, load, name))
            say(f"  {results[-1]}")
            time.sleep(10)
        load.stop_submitting()
        broken = _judge(fleet, load)
    finally:
        fleet.close()
        watch.stop()
        record.to("")
    operations = [json.loads(line) for line in history.read_text().splitlines()]
    for rule, verdict in check(read(json.dumps(operation) for operation in operations)).items():
        broken += [f"{rule}: {what}" for what in verdict.broken[:5]]
    return results, broken


def _inject(fleet: Fleet, load: Load, name: str) -> Result:
    result, began = Result(name), time.monotonic_ns()
    before = fleet.attempts_lost()
    operation = record.Operation("bench", "fault", name)
    with Fewest(fleet) as fewest:
        mended = FAULTS[name](fleet)
    result.fewest = fewest.found
    try:
        fleet.wait(lambda: load.last_answer > mended, "the queue is answered", BACK_SECONDS)
        result.answered = max(load.last_answer - mended, 0.0)
        fleet.wait(lambda: all(fleet.alive().get(host) == PROCESSORS for host in WORKERS), "all live", BACK_SECONDS)
        result.alive = time.monotonic() - mended
    except TimeoutError as error:
        result.broken.append(str(error))
    operation.info(name)
    result.lost = fleet.attempts_lost() - before
    history = (fleet.folder / "history.jsonl").read_text().splitlines()
    result.longest, result.errors = _requests(map(json.loads, history), began)
    if result.longest > ANSWER_BOUND:
        result.broken.append(f"A request hung for {result.longest:.1f} s.")
    return result


def _requests(operations: Iterable[dict], since: int) -> tuple[float, int]:  # type: ignore[type-arg]
    """Return the longest request, in seconds, and the number of those without a good answer, since a moment."""
    begun: dict[tuple[str, str], int] = {}
    longest, errors = 0.0, 0
    for operation in operations:
        if operation["f"] not in ("submit", "queue") or operation["time"] < since:
            continue
        key = operation["process"], operation["f"]
        if operation["type"] == "invoke":
            begun[key] = operation["time"]
        elif key in begun:
            longest = max(longest, (operation["time"] - begun.pop(key)) / 1e9)
            errors += operation["type"] != "ok"
    return longest, errors


def _judge(fleet: Fleet, load: Load) -> list[str]:
    broken = []
    ended = "SELECT count(*) FROM queueapp_job j LEFT JOIN queueapp_outcome o ON o.job_id = j.id WHERE o.job_id IS NULL"
    try:
        fleet.wait(lambda: fleet.query(ended) == [(0,)], "all jobs have ended", CALM_SECONDS)
        time.sleep(2)  # the last completions are on their way
    except TimeoutError as error:
        broken.append(str(error))
    load.stop()
    load.read_all()
    [[jobs]] = fleet.query("SELECT count(*) FROM queueapp_outcome WHERE status = 'succeeded'")
    if jobs < len(load.acknowledged):
        broken.append(f"{len(load.acknowledged)} jobs were acknowledged, and {jobs} have succeeded")
    try:
        fleet.manage("audit")
    except subprocess.CalledProcessError as error:
        broken.append(f"audit: {error.stdout}{error.stderr}")
    return broken
