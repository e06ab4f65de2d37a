"""One run: load with faults in turn, then no faults until every job has ended, then the checks."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.chaos.clients import Client
from bench.chaos.faults import FAULTS, Fault, fill_disk
from bench.chaos.proof import Proof, ended, prove, prove_history
from bench.chaos.stand import Stand
from bench.histories import record
from bench.histories.watch import Watch

LOOK_EVERY = 0.3
_LIMITS = {"quantum": 0.02, "max_turn": 100, "flows": "own", "lease": 4.0}
"""The site's settings that the history checker needs."""


@dataclass(frozen=True)
class Plan:
    """The bounds of a run.

    `seconds`: how long jobs are submitted. Faults go on until each kind has hit, too. `pause`: minimum seconds between
    two faults. `rounds`: maximum rounds of all faults. `calm`: seconds after the last fault for all jobs to end.
    """

    jobs: int = 10_000
    users: int = 50
    seconds: float = 120.0
    pause: float = 2.0
    rounds: int = 100
    calm: float = 90.0
    clusters: int = 2
    processors: int = 4
    seed: int = 1


def run(plan: Plan, folder: Path, say: Callable[[str], None] = lambda _: None) -> Proof:
    """Run once and return the proof. No process is left, even after an exception."""
    history = folder / "history.jsonl"
    history.parent.mkdir(parents=True, exist_ok=True)
    history.unlink(missing_ok=True)
    record.to(str(history))  # before the stand starts: its processes inherit the path
    record.write("bench", "info", "setup", {"processors": plan.clusters * plan.processors} | _LIMITS)
    watch = Watch(history)
    watch.start()
    stand, over = Stand(folder, plan.clusters, plan.processors), threading.Event()
    each = plan.jobs // plan.users
    clients = [Client(stand.url, number, each, plan.seconds, over) for number in range(plan.users)]
    try:
        stand.start(plan.users)
        began = time.monotonic()
        for client in clients:
            client.log_in()
        for client in clients:
            client.listener.start()
            client.submitter.start()
            client.meddler.start()
        say(f"{plan.users} users submit {each * plan.users:,} jobs")
        hit = _break(plan, stand, say)
        say("no more faults; waiting for the last job")
        _wait(stand, clients, plan.calm)
        proof = prove(stand, clients)
        for client in clients:
            client.read_all()
        proof.figures = {"faults": _listed(hit)} | proof.figures | {"seconds": f"{time.monotonic() - began:.0f}"}
    finally:
        over.set()
        wrong = stand.stop()
        for client in clients:
            if client.submitter.ident is not None:
                client.submitter.join(15)
        stand.close()
        watch.stop()
        record.to("")
    proof.none(wrong, "things at the end")
    prove_history(proof, history)
    return proof


def _break(plan: Plan, stand: Stand, say: Callable[[str], None]) -> Counter[str]:
    """Inject faults until the seconds are over and each kind has hit, or no round is left. Return the hits by name."""
    chance, hit, until = random.Random(plan.seed), Counter[str](), time.monotonic() + plan.seconds
    for fault in _in_turn(plan.rounds):
        if time.monotonic() > until and len(hit) >= len(set(FAULTS)) + 1:
            break
        time.sleep(plan.pause)
        operation = record.Operation("bench", "fault", fault.__name__)
        what = fault(stand, chance)
        operation.info(what)
        if what is not None:
            hit[what] += 1
            say(f"  {what}")
    return hit


def _in_turn(rounds: int) -> list[Fault]:
    """Return the faults of all rounds, with one full disk in the middle of the first round."""
    middle = len(FAULTS) // 2
    return [*FAULTS[:middle], fill_disk, *FAULTS[middle:], *(FAULTS * (rounds - 1))]


def _wait(stand: Stand, clients: list[Client], calm: float) -> None:
    """Wait until all jobs have been submitted, have ended and were told, at most `calm` seconds.

    The checks then report what is missing.
    """
    deadline = time.monotonic() + calm
    while time.monotonic() < deadline:
        if not any(_busy(client) for client in clients) and ended(stand, clients):
            told = [{job for _, _, job in client.delivered} for client in clients]
            if all(client.acknowledged <= seen for client, seen in zip(clients, told, strict=True)):
                return
        time.sleep(LOOK_EVERY)


def _busy(client: Client) -> bool:
    return client.submitter.is_alive() or client.meddler.is_alive()


def _listed(hit: Counter[str]) -> str:
    return ", ".join(f"{many} x {what}" for what, many in sorted(hit.items()))
