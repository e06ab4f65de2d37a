"""One run: load on a real site, copies of the disk at random moments, and the check of each recovered database."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench.chaos.clients import Client
from bench.chaos.stand import Stand
from bench.histories import record
from bench.histories.history import History, read
from bench.powerloss.proof import Kept, compare
from bench.powerloss.server import ShadowedDatabase
from jobsite import local

Say = Callable[[str], None]
JOBS = "SELECT name FROM queueapp_job"
OUTCOMES = "SELECT j.name, o.status, o.number FROM queueapp_outcome o JOIN queueapp_job j ON j.id = o.job_id"


@dataclass(frozen=True)
class Plan:
    """The bounds of a run. `losses`: number of copies; `seconds`: of load; `waits`: see ShadowedDatabase."""

    jobs: int = 4_000
    users: int = 10
    seconds: float = 40.0
    losses: int = 10
    processors: int = 4
    seed: int = 1
    waits: bool = True


def run(plan: Plan, folder: Path, say: Say) -> list[str]:
    """Run once, and return in words what was missing. `folder` must be empty, and keeps the data for inspection."""
    record.to(str(folder / "history.jsonl"))
    database = ShadowedDatabase(folder, waits=plan.waits)
    stand, over = Stand(folder, 1, plan.processors, database), threading.Event()
    clients = [Client(stand.url, n, plan.jobs // plan.users, plan.seconds, over) for n in range(plan.users)]
    try:
        stand.start(plan.users)
        for client in clients:
            client.log_in()
        for client in clients:
            for thread in (client.listener, client.submitter, client.meddler):
                thread.start()
        moments = _lose(plan, database, say)
    finally:
        over.set()
        wrong = stand.stop()
        stand.close()
        record.to("")
    history = read((folder / "history.jsonl").read_text().splitlines())
    return wrong + [what for name, until in moments.items() for what in _recover(database, history, name, until, say)]


def _lose(plan: Plan, database: ShadowedDatabase, say: Say) -> dict[str, float]:
    """Take the copies. Return by name the moment before which everything acknowledged must be in the copy."""
    chance, moments, began = random.Random(plan.seed), {}, time.monotonic()
    for number, at in enumerate(sorted(chance.uniform(0, plan.seconds) for _ in range(plan.losses))):
        time.sleep(max(0.0, began + at - time.monotonic()))
        name = f"loss-{number}"
        moments[name], after = database.lose_power(name, chance if number % 2 else None)
        say(f"the power went ({name}{', pages at random' if number % 2 else ''}), {after - moments[name]:.2f} s")
    return moments


def _recover(database: ShadowedDatabase, history: History, name: str, until: float, say: Say) -> list[str]:
    try:
        url = database.start(name).replace("/postgres?", "/turnabout?")
    except RuntimeError as error:
        return [f"{name} does not recover: {error}"]
    try:
        with psycopg.connect(url) as connection:
            there = {job for (job,) in connection.execute(JOBS)}
            outcomes = {job: (status, number) for job, status, number in connection.execute(OUTCOMES)}
        kept = compare(history, until, outcomes, there)
        kept.missing += _audit(url)
    finally:
        database.stop(name)
    say(_line(name, kept))
    return [f"{name}: {what}" for what in kept.missing]


def _audit(url: str) -> list[str]:
    environment = os.environ | {
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "bench.chaos.settings",
        "SECRET_KEY": "for-the-audit-only-" * 4 + "0123456789",
        "ALLOWED_HOSTS": local.HOSTS,
        "HTTPS": "no",
    }
    done = subprocess.run(
        [sys.executable, "manage.py", "audit"],
        cwd=local.BASE, env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    return [f"the audit: {done.stdout}{done.stderr}"] if done.returncode else []


def _line(name: str, kept: Kept) -> str:
    return (
        f"{name}: {kept.looked_for:,} acknowledgements and completions looked for, {len(kept.missing)} missing;"
        f" {kept.undone} outcomes undone that only a GET had shown"
    )
