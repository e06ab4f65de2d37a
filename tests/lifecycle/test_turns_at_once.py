"""Turns, submissions and settlements of several processes at once."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections import defaultdict
from itertools import combinations
from typing import Any

import pytest
from django.db import connection

from queueapp.conf import queue_settings
from queueapp.lifecycle.processors import register
from queueapp.lifecycle.turn import take_turn
from queueapp.models import FlowState, Job, Outcome, Owner, Waiting
from queueapp.models.job import PLACES_APART
from queueapp.policy.fairness import service_gap_bound
from tests.kit.queue import (
    ask_uncommitted,
    everyone_takes_turns,
    make_flow,
    make_owner,
    run_all,
    second_connection,
    settle,
    submit_jobs,
)

pytestmark = pytest.mark.usefixtures("no_rules")


def in_processes(work: list[tuple[Any, tuple[Any, ...]]]) -> list[Any]:
    """Call each function with its arguments in a process and connection of its own. Return the results in order."""
    connection.close()
    context = multiprocessing.get_context("fork")
    pipes = []
    for function, given in work:
        ours, theirs = context.Pipe()
        process = context.Process(target=_send, args=(theirs, function, given))
        process.start()
        pipes.append((process, ours))
    results = []
    for process, pipe in pipes:
        assert pipe.poll(90), "a process did not answer in time"
        results.append(pipe.recv())
        process.join(10)
        assert process.exitcode == 0
    return results


def _send(pipe: Any, work: Any, given: tuple[Any, ...]) -> None:
    pipe.send(work(*given))
    connection.close()


def claim_all(expected: int) -> list[tuple[str, str]]:
    """Claim and settle until all jobs have ended; (owner, name) in the order in which this processor got them."""
    processor, got = register("test").pk, []
    turn, deadline = take_turn(processor), time.monotonic() + 60
    while time.monotonic() < deadline:
        got += [(str(job.owner), job.name) for job in turn.jobs]
        if not turn.jobs and Outcome.objects.count() >= expected:
            break
        turn = settle(processor, turn, more=True) if turn.jobs else take_turn(processor)
    return got


def submit_for_all(owner_ids: list[int], many: int) -> int:
    return sum(submit_some(owner_id, many) for owner_id in owner_ids)


def submit_some(owner_id: int, many: int) -> int:
    owner, chooser, sent = Owner.objects.get(pk=owner_id), random.Random(owner_id), 0
    while sent < many:
        burst = min(chooser.randint(1, 7), many - sent)
        submit_jobs(owner, *[f"{sent + n:05}" for n in range(burst)], duration=chooser.choice([0.01, 0.05, 1]))
        sent += burst
    return sent


@pytest.mark.parametrize("rules", [True, False], ids=["fair", "one line"])
def test_four_processors_and_two_submitters_at_once_lose_and_double_nothing(rules: bool) -> None:
    if rules:
        everyone_takes_turns()
    users = [make_owner(f"u{n}").pk for n in range(6)]
    each = 150
    claims = [(claim_all, (len(users) * each,))] * 4
    submissions = [(submit_for_all, (users[n::2], each)) for n in range(2)]
    results = in_processes([*claims, *submissions])
    claimed = [job for got in results[:4] for job in got]
    assert len(claimed) == len(users) * each
    assert len(set(claimed)) == len(claimed)
    assert sum(bool(got) for got in results[:4]) >= 2, "one processor did it all: nothing was shown"
    for got in results[:4]:
        by_owner = defaultdict(list)
        for owner, name in got:
            by_owner[owner].append(name)
        for order in by_owner.values():
            assert order == sorted(order)
    assert Outcome.objects.count() == len(claimed)
    assert not Waiting.objects.exists()
    assert set(FlowState.objects.values_list("busy", flat=True)) == {0}
    assert not FlowState.objects.filter(backlogged=True).exists() or not take_turn(register("test").pk).jobs


def test_simultaneous_duplicates_become_one_job() -> None:
    user = make_owner("ada")
    accepted = in_processes([(submit_same, (user.pk,))] * 4)
    assert sorted(accepted) == [0, 0, 0, 1]
    assert Job.objects.count() == Waiting.objects.count() == 1


def submit_same(owner_id: int) -> int:
    return submit_jobs(Owner.objects.get(pk=owner_id), "same").accepted


def claim_some(limit: int) -> int:
    """Claim and settle, each job for as long as it declared, until that many jobs have ended anywhere."""
    processor, many = register("test").pk, 0
    turn = take_turn(processor)
    while turn.jobs:
        many += len(turn.jobs)
        turn = settle(processor, turn, more=Outcome.objects.count() < limit)
    return many


def test_four_claimers_at_once_share_by_weight_within_the_bound() -> None:
    """For every two flows, over every interval: all of them have a backlog throughout."""
    weights = {"a": 1.0, "b": 1.0, "c": 2.5, "d": 10.0, "e": 0.3}
    costs = {"a": 1.0, "b": 7.0, "c": 2.0, "d": 1.5, "e": 3.0}
    for name, weight in weights.items():
        owner = Owner.objects.create(key=name, flow=make_flow(name, weight=weight))
        submit_jobs(owner, *[f"{name}{n}" for n in range(1200)], duration=costs[name])
    took_part = in_processes([(claim_some, (1000,))] * 4)
    assert sum(many > 20 for many in took_part) >= 2, "one processor did it all: nothing was shown"
    assert FlowState.objects.filter(backlogged=True).count() == len(weights)
    ended = Outcome.objects.order_by("number").values_list("flow__key", "time_spent")
    service = dict.fromkeys(weights, 0.0)
    gaps: dict[tuple[str, str], list[float]] = {pair: [0.0] for pair in combinations(weights, 2)}
    for name, spent in ended:
        service[name] += spent
        for f, g in gaps:
            gaps[f, g].append(service[f] / weights[f] - service[g] / weights[g])
    for (f, g), gap in gaps.items():
        bound = service_gap_bound(4, queue_settings().QUANTUM_SECONDS, (costs[f], weights[f]), (costs[g], weights[g]))
        assert max(gap) - min(gap) <= bound, (f, g)


def test_a_job_that_is_committed_late_is_not_forgotten_behind_the_floor_of_its_flow() -> None:
    """Its id is drawn, and lower, but later ones of the same user are committed, taken and settled before it."""
    everyone_takes_turns()
    ada = make_owner("ada")
    submit_jobs(ada, "first")
    processor = register("c").pk
    with second_connection() as late:
        ask_uncommitted(late, ada, "late")
        submit_jobs(ada, "second", "third")
        assert run_all(processor) == ["first", "second", "third"]
        late.commit()
    assert run_all(processor) == ["late"]
    ada.refresh_from_db()
    assert ada.flow is not None
    submit_jobs(ada, "fourth", "fifth")
    run_all(processor)
    ada.flow.state.refresh_from_db()
    last = Job.objects.get(name="fifth").pk * PLACES_APART
    assert ada.flow.state.scan_from == last, "nobody submits: the scan follows"
