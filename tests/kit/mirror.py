"""The reference scheduler beside the database. Every step is taken on both, and must have the same result."""

from __future__ import annotations

import time
from collections.abc import Collection, Hashable, Sequence
from dataclasses import asdict, astuple
from typing import Any

from django.db import connection

from queueapp.db.routines import versioned
from queueapp.lifecycle.outcome import JobOutcome, settle_part
from queueapp.lifecycle.pause import pause, resume
from queueapp.lifecycle.processors import Beat, heartbeat, register
from queueapp.lifecycle.reorder import reorder_jobs
from queueapp.lifecycle.submit import submit_each
from queueapp.lifecycle.turn import Turn, take_turn
from queueapp.lifecycle.validation import Submission
from queueapp.models import Job, Owner, Pause
from queueapp.policy.rules import Terms
from queueapp.policy.scheduler import FlowState, QueuedJob, Scheduler, TurnState
from queueapp.states import Status
from tests.kit.queue import make_flow


class Mirror(Scheduler):
    """A scheduler that repeats each step on the database. Raises AssertionError at the first difference.

    Each flow belongs to an owner; a processor's row holds each turn. The order start is moved after every step, which
    must make no difference. `every`: the state is compared after one of so many steps; jobs are at every claim.
    """

    def __init__(self, every: int = 1, **sizes: Any) -> None:
        super().__init__(**sizes)
        self._every, self._steps = every, 0
        self.claims = 0
        self._owners: dict[Hashable, Owner] = {}
        self._tasks: dict[int, QueuedJob] = {}
        self._jobs: dict[QueuedJob, int] = {}
        self._turns: dict[TurnState, tuple[int, Turn]] = {}
        self._free: list[int] = []
        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit = off")

    def submit(self, flow: FlowState, tasks: Sequence[QueuedJob]) -> None:
        super().submit(flow, tasks)
        owner = self._owner(flow)
        self.accept([(owner, Submission(job_id=f"j{task.number}", duration=task.declared)) for task in tasks])
        for task in tasks:
            self._tasks[task.number] = task
        self._compare(flow)

    def accept(self, jobs: Sequence[tuple[Owner, Submission]]) -> None:
        """Submit jobs to the database; afterwards they are in their flows."""
        submit_each(jobs)

    def reorder(self, flow: FlowState, jobs: Collection[QueuedJob], *, front: bool) -> None:
        super().reorder(flow, jobs, front=front)
        owner = self._owner(flow)
        named = Job.objects.of(owner.pk).filter(name__in=[f"j{job.number}" for job in jobs])
        asked = set(named.values_list("pk", flat=True))
        assert reorder_jobs(owner.pk, asked, front=front) == asked
        self._compare(flow)

    def claim(self) -> TurnState | None:
        expected = super().claim()
        processor = self._free.pop() if self._free else register("mirror").pk
        turn = take_turn(processor)
        if expected is None:
            assert turn.jobs == []
            self._free.append(processor)
            return None
        self.claims += 1
        assert [job.name for job in turn.jobs] == [f"j{task.number}" for task in expected.jobs]
        for task, job in zip(expected.jobs, turn.jobs, strict=True):
            self._jobs[task] = job.id
        self._turns[expected] = processor, turn
        self._compare(expected.flow)
        return expected

    def settle(
        self,
        turn: TurnState,
        spent: Sequence[tuple[QueuedJob, float]],
        keep: QueuedJob | None = None,
        elapsed: float = 0.0,
    ) -> None:
        super().settle(turn, spent, keep, elapsed)
        processor, held = self._turns[turn]
        now = time.monotonic()
        owner = self._owners[turn.flow.key].pk
        outcomes = [JobOutcome(self._jobs[task], owner, Status.SUCCEEDED, 1, seconds, now) for task, seconds in spent]
        if keep is not None:
            kept = settle_part(processor, held.number, outcomes, keep=self._jobs[keep], elapsed=elapsed, now=now)
        else:
            kept = take_turn(processor, held.number, outcomes, now=now, more=False).kept
            del self._turns[turn]
            self._free.append(processor)
        assert kept
        self._compare(turn.flow)

    def heartbeat(self, turn: TurnState, elapsed: float) -> None:
        super().heartbeat(turn, elapsed)
        processor, held = self._turns[turn]
        assert heartbeat(processor, held.number, elapsed=elapsed) is Beat.GO_ON
        self._compare(turn.flow)

    def set_flow(self, flow: FlowState, terms: Terms) -> None:
        super().set_flow(flow, terms)
        with connection.cursor() as cursor:
            cursor.execute(
                versioned("SELECT queueapp_set_flow(%s, NULL, ROW(%s, %s)::queueapp_terms)"),
                [self._owner(flow).flow_id, *astuple(terms)],
            )
        self._compare(flow)

    def pause(self, flow: FlowState) -> None:
        super().pause(flow)
        pause("", self._owner(flow))
        self._compare(flow)

    def resume(self, flow: FlowState) -> None:
        super().resume(flow)
        resume(Pause.objects.get(owner=self._owner(flow)))
        self._compare(flow)

    def _owner(self, flow: FlowState) -> Owner:
        if flow.key not in self._owners:
            owner = self._owners[flow.key] = Owner.objects.create(key=f"mirror-{flow.key}")
            owner.flow = make_flow(f"mirror:{flow.key}", owner, **asdict(flow.terms))
            owner.save()
        return self._owners[flow.key]

    def _compare(self, flow: FlowState) -> None:
        self._steps += 1
        if self._steps % self._every:
            return
        with connection.cursor() as cursor:
            cursor.execute(versioned("SELECT queueapp_move_order_start(false)"))
            assert cursor.fetchone() == (True,)
            cursor.execute(
                versioned(
                    "SELECT vtime, busy, backlogged, queueapp_virtual_time(),"
                    " (SELECT name FROM queueapp_job WHERE backlogged AND id = head),"
                    " EXISTS (SELECT FROM queueapp_flowstate WHERE ready AND vtime < queueapp_order_start())"
                    " FROM queueapp_flowstate WHERE flow_id = %s"
                ),
                [self._owner(flow).flow_id],
            )
            found = cursor.fetchone()
        head = f"j{flow.head}" if flow.backlogged else None
        assert found == (flow.vtime, flow.busy, flow.backlogged, self.virtual_time(), head, False)
