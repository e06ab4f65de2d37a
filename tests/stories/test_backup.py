"""A backup that is taken under load and restored, by the commands of docs/guides/back-up-and-restore.md."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench.histories import record
from bench.histories.history import read
from bench.histories.rules import RULES
from bench.histories.user import WAIT, RecordedUser
from tests.kit.examples import Examples
from tests.kit.programs import programs
from tests.kit.site import BASE, PASSWORD, Site

USERS = ("ann", "ben", "cid")
SECONDS = 0.03
"""What each job takes: more than the quantum, so that a turn is one job."""
LONG, LONG_SECONDS = f"{USERS[0]}-long", 6.0
"""A job that runs while the copy is taken."""
SETUP = {"processors": 2, "quantum": 0.02, "max_turn": 100, "lease": 4.0, "flows": "own"}
ENDED = "SELECT j.name FROM queueapp_outcome o JOIN queueapp_job j ON j.id = o.job_id"
RUNNING = "SELECT j.name FROM queueapp_processor p JOIN queueapp_job j ON j.id = ANY (p.jobs)"
LAST = """
    SELECT u.username, max(o.number) FROM queueapp_outcome o JOIN queueapp_owner w ON w.id = o.owner_id
      JOIN accounts_user u ON u.id = w.user_id GROUP BY u.username"""
OF_BOTH = "nothing acknowledged is lost", "nothing runs twice at once", "first attempts begin in order"
"""The rules that hold for the copy's jobs across both sites."""


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("pg_dump", path=programs()) is None, reason="there is no pg_dump"),
]


class Sites:
    """The original site, and the one on the restored database. Tasks record their runs, each site's in its own file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.histories = folder / "original.jsonl", folder / "restored.jsonl"
        self.original = self._site("turnabout_backup", self.histories[0])
        self.restored = self._site("turnabout_restored", self.histories[1])
        self.tokens: dict[str, str] = {}

    def _site(self, database: str, history: Path) -> Site:
        return Site(database, 2, DJANGO_SETTINGS_MODULE="bench.chaos.settings", **{record.PATH: str(history)})

    def run(self, commands: str) -> str:
        """Run commands of the guide as they stand there, but for names and paths. Return what they print."""
        for theirs, ours in (
            (".venv/bin/python", sys.executable),
            ("turnabout_restored", self.restored.database),
            ("turnabout.dump", str(self.folder / "turnabout.dump")),
        ):
            commands = commands.replace(theirs, ours)
        done = subprocess.run(
            ["bash", "-euc", commands], cwd=BASE, capture_output=True, text=True, timeout=90,
            env=self.original.environment | {"PATH": programs(), "RESTORED_URL": self.restored.database_url},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def user(self, site: Site, name: str) -> RecordedUser:
        """Return an API client. A token of the original is good for both sites, which have one SECRET_KEY."""
        if name not in self.tokens:
            answer = httpx.post(f"{site.url}/api/v1/token/", json={"username": name, "password": PASSWORD})
            self.tokens[name] = answer.json()["access"]
        return RecordedUser(site.url, name, self.tokens[name], "")


class Submitter(threading.Thread):
    """Submits jobs of one user, one by one, until it is stopped. `accepted`: those acknowledged, in their order."""

    def __init__(self, user: RecordedUser) -> None:
        super().__init__(daemon=True)
        self.user, self.over, self.accepted = user, threading.Event(), list[str]()

    def run(self) -> None:
        while not self.over.is_set():
            job = f"{self.user.name}-{len(self.accepted)}"
            assert self.user.submit([new_job(job)]) == 201
            self.accepted.append(job)


def new_job(name: str, seconds: float = SECONDS) -> dict[str, Any]:
    return {"job_id": name, "duration": seconds, "task": WAIT}


def commands(examples: Examples, heading: str) -> list[str]:
    """Return the blocks of commands that the guide has under this heading."""
    return [block.code for block in examples if block.heading == heading]


def names(site: Site, statement: str) -> set[str]:
    return {name for (name,) in site.query(statement)}


def operations(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def runs(history: list[dict[str, Any]]) -> Counter[str]:
    """Return how often each job was started."""
    return Counter(one["value"]["job"] for one in history if one["f"] == "run" and one["type"] == "invoke")


def told_after(user: RecordedUser, last: int, until: str) -> list[str]:
    """Return the jobs that a client which comes back with this id is told of, up to the job `until`."""
    over, told = threading.Event(), list[str]()
    user.last_id = last

    def hear(_: int, job: dict[str, Any]) -> None:
        told.append(job["job_id"])
        if job["job_id"] == until:
            over.set()

    user.follow(over, hear)
    return told


def copy_under_load(sites: Sites, copy: str) -> set[str]:
    """Run the original site, with a copy taken while it is at work. Return the jobs acknowledged before the copy."""
    original = sites.original
    submitters = [Submitter(sites.user(original, name)) for name in USERS]
    for submitter in submitters:
        submitter.start()
    original.wait_for("SELECT count(*) > 40 FROM queueapp_outcome")
    before = {job for submitter in submitters for job in submitter.accepted}
    assert sites.user(original, USERS[0]).submit([new_job(LONG, LONG_SECONDS)]) == 201
    original.wait_for(f"SELECT %s IN ({RUNNING})", LONG)
    sites.run(copy)
    many = [len(submitter.accepted) for submitter in submitters]
    original.until(lambda: all(len(s.accepted) > n for s, n in zip(submitters, many, strict=True)), "more are accepted")
    for submitter in submitters:
        submitter.over.set()
        submitter.join()
    original.wait_for("SELECT count(*) = (SELECT count(*) FROM queueapp_job) FROM queueapp_outcome")
    for submitter in submitters:
        submitter.user.read_all()
    return before


@dataclass
class Copy:
    """The jobs of a restored copy: all, those that had ended when it was taken, and those that ran."""

    jobs: set[str]
    ended: set[str]
    running: set[str]


def restore(sites: Sites, create: str, move_on: str, check_it: str) -> Copy:
    """Restore the copy as if it were a day old. Return what is in it."""
    restored = sites.restored
    restored.drop_database()  # of an earlier run
    sites.run(create)
    sites.run(move_on)
    copy = Copy(names(restored, "SELECT name FROM queueapp_job"), names(restored, ENDED), names(restored, RUNNING))
    restored.query("UPDATE queueapp_processor SET lease_until = lease_until - interval '1 day'")
    said = sites.run(check_it)
    assert "processors hold jobs although their lease ran out" in said, "audit names what --repair mends"
    assert "All is well" in said
    return copy


def work_off(sites: Sites) -> None:
    """Start the restored site, and wait until every job has ended there."""
    sites.restored.start_cluster()
    sites.restored.start_web()
    sites.restored.wait_for("SELECT count(*) = (SELECT count(*) FROM queueapp_job) FROM queueapp_outcome")
    for name in USERS:
        sites.user(sites.restored, name).read_all()


def late_client_is_told(sites: Sites, name: str, seen: int) -> list[str]:
    """Return what a client is told that comes back when the restored site is at work, with an id of the original."""
    user, last = sites.user(sites.restored, name), f"{name}-last"
    assert user.submit([new_job(last)]) == 201
    *told, _ = told_after(user, seen, until=last)
    return sorted(told)


def broken(history: list[dict[str, Any]], rules: dict[str, Any]) -> list[str]:
    """Return what breaks these rules of the checker, in words."""
    told = read(map(json.dumps, history))
    return [text for rule in rules.values() for text in rule(told).broken]


def one_history(first: list[dict[str, Any]], then: list[dict[str, Any]], copy: Copy) -> Iterator[Any]:
    """Return the history of the copy's jobs alone: what the original did up to the copy, and then the restored site."""
    for one in first:
        if one["f"] == "submit":
            among = all(job["job"] in copy.jobs for job in one["value"]["jobs"])
        else:
            among = one["f"] == "setup" or (one["f"] == "run" and one["value"]["job"] in copy.ended | copy.running)
        if among:
            yield one
    yield from then


def check_histories(sites: Sites, copy: Copy) -> None:
    """Check that the original was not disturbed, that in the copy all that had not ended ran once, and the order."""
    first, then = map(operations, sites.histories)
    assert broken(first, RULES) == []
    assert set(runs(first).values()) == {1}
    assert runs(then) == Counter(copy.jobs - copy.ended)
    assert broken(list(one_history(first, then, copy)), {rule: RULES[rule] for rule in OF_BOTH}) == []


@pytest.mark.examples("docs/guides/back-up-and-restore.md", "sh", "Take a copy")
@pytest.mark.examples("docs/guides/back-up-and-restore.md", "sh", "Restore")
def test_a_copy_taken_under_load_goes_on_where_it_was(tmp_path: Path, examples: Examples) -> None:
    with ExitStack() as end:
        sites = Sites(tmp_path)
        for undo in (sites.original.stop, sites.restored.stop, lambda: record.to("")):
            end.callback(undo)
        record.to(str(sites.histories[0]))
        record.write("test", "info", "setup", SETUP)
        sites.original.start()
        for name in USERS:
            sites.original.user(name)
        before = copy_under_load(sites, *commands(examples, "Take a copy"))
        seen = dict(sites.original.query(LAST))

        record.to(str(sites.histories[1]))
        copy = restore(sites, *commands(examples, "Restore"))
        assert before <= copy.jobs
        assert copy.ended
        assert copy.running
        work_off(sites)
        record.to("")

        check_histories(sites, copy)
        assert names(sites.original, f"{ENDED} WHERE status <> 'succeeded' OR attempt <> 1") == set()
        assert names(sites.restored, f"{ENDED} WHERE status = 'succeeded'") == copy.jobs
        assert names(sites.restored, f"{ENDED} WHERE attempt <> 1") == copy.running
        for name in USERS:
            owed = sorted(job for job in copy.jobs - copy.ended if job.startswith(name))
            assert late_client_is_told(sites, name, seen[name]) == owed
