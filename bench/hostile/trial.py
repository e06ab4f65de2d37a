"""One kind in one mode: its jobs among good ones of three other users, beside a bystander that asks for its queue."""

from __future__ import annotations

import json
import re
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import httpx

from bench.histories.history import read
from bench.histories.rules import check
from bench.histories.user import RecordedUser
from bench.hostile.kinds import PREFIX, Kind
from bench.hostile.people import EVERY, TINY, Bystander, Good, Listener
from bench.hostile.site import Site

GOOD = ("ann", "ben", "cat")
AFTER = 1.5
"""Seconds that good jobs go on after the last hostile job has ended, to show what it left behind."""
ENDED = """
    SELECT u.username, j.name, o.status, o.attempt, o.error FROM queueapp_outcome o
      JOIN queueapp_job j ON j.id = o.job_id JOIN queueapp_owner w ON w.id = j.owner_id
      JOIN accounts_user u ON u.id = w.user_id WHERE j.name LIKE %s"""


@dataclass
class Trial:
    """The result of a trial. `broken`: the broken guarantees, in words. `words`: how the hostile jobs ended.

    `worst_wait`: the longest wait of a good job, `worst_look`: that of the bystander, in seconds. `left`: harmless
    changes of the process.
    """

    kind: Kind
    mode: str
    words: str = ""
    attempts: str = ""
    worst_wait: float = 0.0
    worst_look: float = 0.0
    left: str = ""
    broken: list[str] = field(default_factory=list)


def run_trial(site: Site, kind: Kind, mode: str, tokens: dict[str, str], after: float = AFTER) -> Trial:
    """Run the trial, without the checks of the history and of the cluster's stop. The cluster runs or is starting.

    If it raises, its threads end too: they would go on in the history of the next trial.
    """
    over, looked = threading.Event(), threading.Event()
    try:
        return _run_trial(site, kind, mode, tokens, after, over, looked)
    finally:
        over.set()
        looked.set()


def _run_trial(
    site: Site, kind: Kind, mode: str, tokens: dict[str, str], after: float, over: threading.Event,
    looked: threading.Event,
) -> Trial:  # fmt: skip
    trial = Trial(kind, mode)
    prefix = f"{mode}-{kind.name}."
    goods = [Good(RecordedUser(site.url, name, tokens[name], "submits", 8), prefix, over) for name in GOOD]
    bystander = Bystander(RecordedUser(site.url, "bystander", tokens["bystander"], "looks", 8), looked)
    owner = Bystander(RecordedUser(site.url, "mallory", tokens["mallory"], "looks", 8), looked)
    mallory = RecordedUser(site.url, "mallory", tokens["mallory"], "submits", 8)
    listener = Listener(site, RecordedUser(site.url, "ben", tokens["ben"], "listens", 8), looked)
    names = [f"{prefix}{n}" for n in range(kind.times)]
    _occupy(site, goods[0])
    bystander.start()
    owner.start()
    listener.start()
    goods[0].batch("good.probe", 4, TINY)
    for name in names:
        while mallory.submit([{"job_id": name, "duration": TINY, "task": f"{PREFIX}{kind.name}"}]) not in (200, 201):
            time.sleep(EVERY)
    goods[1].batch("good.probe", 8, TINY)
    for good in goods:
        good.start()
    deadline = time.monotonic() + kind.patience
    _await(site, prefix, set(names), deadline)
    time.sleep(after)
    over.set()
    for good in goods:
        good.join(10)
    ended = _await(site, prefix, {*names, *(job for good in goods for job in good.jobs)}, deadline + 3)
    listener.wait_for([job for job in goods[1].jobs if job in ended])
    looked.set()
    bystander.join(10)
    owner.join(10)
    for user in (mallory, *(good.user for good in goods)):
        try:
            user.read_all(prefix)
        except httpx.HTTPError as error:
            trial.broken.append(f"GET jobs/ of {user.name}: {type(error).__name__}")
    _judge_hostile(trial, names, ended)
    _judge_good(trial, [job for good in goods for job in good.jobs], ended)
    _judge_bystander(trial, bystander)
    if refused := sorted(code for code in owner.answers if code >= 500):
        trial.broken.append(f"its owner's GET queue/ got {refused}")
    return trial


def _occupy(site: Site, good: Good) -> None:
    """Keep all processors busy, so that the next jobs share turns. Return once they have begun, at most after 10 s."""
    good.batch("recorded.wait", site.processors, 0.3)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if site.history.read_text().count('"run"') >= site.processors:
            return
        time.sleep(0.02)


def _await(site: Site, prefix: str, names: set[str], deadline: float) -> dict[str, tuple[Any, ...]]:
    """Return the outcomes by job, as soon as all of these jobs have one, the cluster has ended, or at the deadline."""
    while True:
        ended = {row[1]: row for row in site.query(ENDED, f"{prefix}%")}
        if names <= set(ended) or time.monotonic() > deadline or site.cluster_ended:
            return ended
        time.sleep(0.1)


def _judge_hostile(trial: Trial, names: list[str], ended: dict[str, tuple[Any, ...]]) -> None:
    how = []
    for name in names:
        if name not in ended:
            how.append("never ended")
            trial.broken.append("it never ended")
            continue
        _, _, status, attempt, error = ended[name]
        how.append(f"{status}: {error}" if error else status)
        trial.attempts = str(attempt)
        if trial.kind.ends and status != trial.kind.ends:
            trial.broken.append(f"it {status}")
        if status == "failed" and not re.search(trial.kind.says or r"\S", error, re.IGNORECASE | re.DOTALL):
            trial.broken.append("its error does not say why")
    trial.words = how[0] if len(set(how)) == 1 else "; ".join(how)


def _judge_good(trial: Trial, jobs: list[str], ended: dict[str, tuple[Any, ...]]) -> None:
    missing = [job for job in jobs if job not in ended]
    failed = [job for job in jobs if job in ended and ended[job][2] != "succeeded"]
    again = [job for job in jobs if job in ended and ended[job][2] == "succeeded" and ended[job][3] != 1]
    if missing:
        trial.broken.append(f"{len(missing)} of {len(jobs)} good jobs did not end")
    if failed:
        trial.broken.append(f"{len(failed)} good jobs failed: {ended[failed[0]][4][:60]}")
    if again and trial.kind.harmless:
        trial.broken.append(f"{len(again)} good jobs lost an attempt")


def _judge_bystander(trial: Trial, bystander: Bystander) -> None:
    trial.worst_look = bystander.worst
    if bystander.worst >= trial.kind.calm:
        trial.broken.append(f"the bystander waited {bystander.worst:.1f} s")
    if wrong := {code: many for code, many in bystander.answers.items() if code != 200}:
        trial.broken.append(f"the bystander got {json.dumps(wrong)}")


def judge_history(trial: Trial, operations: list[dict[str, Any]], pristine: dict[str, str]) -> None:
    """Judge the history: how long good jobs waited, and whether they found the process and connection changed.

    `pristine`: the state to compare with. If empty, it is filled from the first good job.
    """
    asked: dict[str, int] = {}
    also: dict[str, set[str]] = {}
    differs: set[str] = set()
    for operation in operations:
        f, kind, value = operation["f"], operation["type"], operation["value"]
        if f == "submit" and kind == "invoke" and value["user"] in GOOD:
            asked |= {job["job"]: operation["time"] for job in value["jobs"] if job["job"] not in asked}
        elif f == "run" and kind == "invoke" and value["job"] in asked:
            trial.worst_wait = max(trial.worst_wait, (operation["time"] - asked.pop(value["job"])) / 1e9)
        elif f == "state":
            if not pristine:
                pristine |= value["must"]
            differs |= {name for name, found in value["must"].items() if pristine[name] != found}
            for name, found in value["also"].items():
                also.setdefault(name, set()).add(found)
    if asked:
        trial.worst_wait = max(trial.worst_wait, (operations[-1]["time"] - min(asked.values())) / 1e9)
    for name, verdict in check(read(json.dumps(operation) for operation in operations)).items():
        if verdict.broken:
            trial.broken.append(f"history, {name}: {verdict.broken[0]}")
    if differs:
        trial.broken.append(f"a good job found another {', '.join(sorted(differs))}")
    trial.left = ", ".join(sorted(name for name, found in also.items() if len(found) > 1))
