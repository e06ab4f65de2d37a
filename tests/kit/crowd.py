"""A queue at work, actors that change it concurrently, and the checks that must pass in every interleaving."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.apps import apps
from django.db import connection, transaction

from queueapp.errors import NotCancellable, NotMovable, NotRetryable
from queueapp.lifecycle.cancel import Cancellation, cancel, cancel_jobs
from queueapp.lifecycle.maintenance.schedule import join_due
from queueapp.lifecycle.maintenance.sweep import _MISCOUNTED, recount, wake_forgotten
from queueapp.lifecycle.outcome import settle_part
from queueapp.lifecycle.pause import pause, resume, unpark_forgotten
from queueapp.lifecycle.processors import Beat, heartbeat, register
from queueapp.lifecycle.reorder import reorder_jobs
from queueapp.lifecycle.rescue import rescue_cluster, rescue_ended
from queueapp.lifecycle.retry import try_again
from queueapp.lifecycle.route import move_some, reroute
from queueapp.lifecycle.submit import Accepted, submit
from queueapp.lifecycle.turn import NotAccepting, Turn, take_turn
from queueapp.lifecycle.validation import parse
from queueapp.models import Flow, FlowState, Job, Outcome, Owner, Pause, PendingMove, PriorityRule, Processor, Waiting
from queueapp.snapshots.audit import audit
from queueapp.states import Status
from tests.kit.interleaving import Run
from tests.kit.queue import everyone_takes_turns, make_flow, make_owner, names, outcome, run_all, settle, submit_jobs

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass
class World:
    """The queue at the start of an interleaving.

    Ada's a0 runs alone in its turn. Ben's t0 to t3 are a turn of tiny jobs. a1, a2, t4 and t5 wait. Ada's "failed" has
    failed, and her "due" is due. Cid is paused, and his c0 waits. Dan has left a flow, and his d0 waits there.
    """

    ada: Owner
    paused: Pause
    working: int
    long_turn: Turn
    tiny: int
    tiny_turn: Turn
    idle: list[int]
    seen: dict[int, Processor]
    """The processors' rows at the start, by id. Rescues use them, though the rows may have changed since."""


def make_world() -> World:
    everyone_takes_turns()
    ada, ben, cid, dan = map(make_owner, ("ada", "ben", "cid", "dan"))
    reroute()
    working, tiny, *idle = (register("crowd").pk for _ in range(5))
    submit_jobs(ada, "failed")
    turn = take_turn(working)
    failed = replace(outcome(turn.jobs[0], 1.0), status=Status.FAILED, error="it broke")
    take_turn(working, turn.number, [failed], now=time.monotonic(), more=False)
    FlowState.objects.update(vtime=0)
    submit_jobs(ada, "a0", "a1", "a2")
    submit_jobs(ben, *[f"t{n}" for n in range(6)], duration=0.005)
    later = {"job_id": "due", "duration": 1.0, "run_at": datetime.now(UTC) + timedelta(days=1)}
    submit(ada, [parse(later)])
    Waiting.objects.filter(not_before__isnull=False).update(not_before=LONG_AGO)
    long_turn, tiny_turn = take_turn(working), take_turn(tiny)
    assert (names(long_turn.jobs), names(tiny_turn.jobs)) == (["a0"], ["t0", "t1", "t2", "t3"])
    paused = pause("for a while", owner=cid)
    submit_jobs(cid, "c0")
    _leave_a_flow(dan)
    assert [str(finding) for finding in audit()] == []
    return World(ada, paused, working, long_turn, tiny, tiny_turn, idle, Processor.objects.in_bulk())


def _leave_a_flow(dan: Owner) -> None:
    submit_jobs(dan, "d0")
    left = make_flow("left")
    Waiting.objects.filter(owner=dan).update(flow=left)
    PendingMove.objects.create(owner=dan, flow=left)
    FlowState.objects.filter(flow=left).update(backlogged=True, head=Job.objects.get(name="d0").pk, revision=1)
    FlowState.objects.filter(flow=Flow.objects.get(owner=dan)).update(held=True, backlogged=False)


def _job(name: str) -> Job:
    return Job.objects.get(name=name)


def _sweep(world: World, n: int) -> None:
    wake_forgotten()
    recount(_MISCOUNTED)
    unpark_forgotten()


def _route(world: World, n: int) -> None:
    PriorityRule.objects.create(name=f"together {n}", position=n, sharing=PriorityRule.Sharing.TOGETHER)
    reroute()


def _cancel_many(world: World, n: int) -> Cancellation:
    ben = Owner.objects.named(["ben"])["ben"]
    return cancel_jobs(ben, list(Job.objects.of(ben).values_list("pk", flat=True)), until=0.0)


def _part(world: World, n: int) -> bool:
    first, kept, *_ = world.tiny_turn.jobs
    return settle_part(
        world.tiny, world.tiny_turn.number, [outcome(first)], keep=kept.id, elapsed=0.03, now=time.monotonic()
    )


@transaction.atomic
def _submit_in_a_transaction(world: World, n: int) -> Accepted:
    return submit_jobs(world.ada, f"committed{n}")


ACTORS: dict[str, Callable[[World, int], Any]] = {
    "submit": lambda world, n: submit_jobs(world.ada, f"new{n}"),
    "submit later": _submit_in_a_transaction,
    "claim": lambda world, n: take_turn(world.idle[n]),
    "settle": lambda world, n: settle(world.working, world.long_turn, more=True),
    "settle tiny": lambda world, n: settle(world.tiny, world.tiny_turn, more=True),
    "settle part": _part,
    "heartbeat": lambda world, n: heartbeat(world.working, world.long_turn.number, elapsed=2.0),
    "rescue": lambda world, n: rescue_ended([world.seen[world.working]]),
    "rescue tiny": lambda world, n: rescue_ended([world.seen[world.tiny]]),
    "cancel": lambda world, n: cancel(_job("a1")),
    "cancel running": lambda world, n: cancel(_job("a0")),
    "cancel many": _cancel_many,
    "try again": lambda world, n: try_again(_job("failed")),
    "pause": lambda world, n: pause("too much", owner=world.ada),
    "resume": lambda world, n: resume(Pause.objects.get(owner=Owner.objects.named(["cid"])["cid"])),
    "reorder": lambda world, n: reorder_jobs(world.ada.pk, [_job("a0").pk, _job(f"a{2 - n % 2}").pk], front=n == 0),
    "move": lambda world, n: move_some(),
    "due": lambda world, n: join_due(),
    "sweep": _sweep,
    "route": _route,
}
"""The actors: each acts as a processor, a client, staff or a broker. `n`: its number among those of its kind."""


def check(world: World, run: Run) -> None:
    """Check that each actor's result is true and the queue is sound, then that all jobs end, each once."""
    for name, result in run.results.items():
        _check_told(world, run, name.rpartition("/")[0], result)
    held = Counter(job for jobs in Processor.objects.values_list("jobs", flat=True) for job in jobs)
    assert not [job for job, times in held.items() if times > 1]
    assert [str(finding) for finding in audit()] == []
    told = dict(Outcome.objects.values_list("job_id", "status"))
    _finish(told)


def _check_told(world: World, run: Run, kind: str, result: Any) -> None:
    ended = dict(Outcome.objects.values_list("job__name", "status"))
    others = {name.rpartition("/")[0] for name in run.results} - {kind}
    expected = {
        "settle": NotAccepting,
        "settle tiny": NotAccepting,
        "cancel": NotCancellable,
        "cancel running": NotCancellable,
        "reorder": NotMovable,
    }
    assert not isinstance(result, Exception) or isinstance(result, expected.get(kind, NotRetryable)), repr(result)
    if kind in ("settle", "settle tiny"):
        first = "a0" if kind == "settle" else "t0"
        kept = isinstance(result, Turn) and result.kept
        assert kept == (ended.get(first) == Status.SUCCEEDED), f"told {kept} of its settlement"
        assert kept or others & {"rescue", "rescue tiny", "settle part"}
    elif kind == "settle part" and "settle tiny" not in others:
        assert result == (ended.get("t0") == Status.SUCCEEDED)
        assert result or "rescue tiny" in others
    elif kind == "heartbeat":
        assert result != Beat.LOST or others & {"rescue", "settle"}
    elif kind == "cancel" and result is True:
        assert ended["a1"] == Status.CANCELLED
    elif kind == "cancel many":
        assert isinstance(result, Cancellation)
        told = dict(Outcome.objects.values_list("job_id", "status"))
        assert {told[job] for job in result.cancelled} <= {Status.CANCELLED}
        assert not result.stopping & result.cancelled
    elif kind in ("submit", "submit later"):
        assert isinstance(result, Accepted)
        assert result.accepted == 1
    elif kind in ("rescue", "rescue tiny"):
        first = "a0" if kind == "rescue" else "t0"
        assert result == (ended.get(first) != Status.SUCCEEDED) or "settle part" in others
    if kind in ("claim", "settle", "settle tiny") and isinstance(result, Turn) and result.jobs:
        owner = Processor.objects.get(turn=result.number)
        assert owner.jobs == [job.id for job in result.jobs]
        assert not set(names(result.jobs)) & set(ended), "a job was claimed that has ended"


def _finish(told: dict[int, str]) -> None:
    """Rescue the cluster's turns, resume and route everything, and let one processor run all jobs. Check the end."""
    rescue_cluster("crowd")
    for paused in Pause.objects.all():
        resume(paused)
    reroute()
    while move_some() is not None:
        pass
    join_due()
    waiting = sorted(Waiting.objects.values_list("job__name", flat=True))
    assert sorted(run_all(register("last").pk)) == waiting
    ended = dict(Outcome.objects.values_list("job_id", "status"))
    assert ended.keys() == set(Job.objects.values_list("pk", flat=True)), "every job has ended"
    assert told.items() <= ended.items(), "no outcome was taken back"
    assert set(FlowState.objects.values_list("busy", flat=True)) == {0}
    assert [str(finding) for finding in audit()] == []


class Saved:
    """A copy of the queue's tables, in the schema `saved`, from which `restore` resets them."""

    def __init__(self) -> None:
        models = apps.get_app_config("queueapp").get_models(include_auto_created=True)
        tables = {model._meta.db_table: model for model in models}
        back = ["SET session_replication_role = replica", *(f"DELETE FROM {table}" for table in tables)]
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA IF EXISTS saved CASCADE; CREATE SCHEMA saved")
            for table, model in tables.items():
                cursor.execute(f"CREATE TABLE saved.{table} AS TABLE {table}")
                columns = ", ".join(f'"{f.column}"' for f in model._meta.local_concrete_fields if not f.generated)
                back.append(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM saved.{table}")
        self._back = "; ".join([*back, "RESET session_replication_role"])

    def restore(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(self._back)

    def drop(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA saved CASCADE")
