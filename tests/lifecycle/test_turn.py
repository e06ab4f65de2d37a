"""The claim under real concurrency, and its fences."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections import defaultdict
from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest
from django.db import connection

from queueapp.conf import queue_settings
from queueapp.db.routines import versioned
from queueapp.errors import NotRetryable
from queueapp.lifecycle.cancel import cancel, cancel_jobs
from queueapp.lifecycle.job_filter import CancelFilter, RetryFilter
from queueapp.lifecycle.maintenance.schedule import join_due
from queueapp.lifecycle.matching import cancel_matching, try_again_matching
from queueapp.lifecycle.outcome import settle_part
from queueapp.lifecycle.processors import Beat, beat_idle, heartbeat, register
from queueapp.lifecycle.processors import drain as stop_claims
from queueapp.lifecycle.rescue import rescue_cluster, rescue_ended, rescue_overdue
from queueapp.lifecycle.retry import MAX_ATTEMPTS, try_again, try_again_jobs
from queueapp.lifecycle.submit import submit
from queueapp.lifecycle.turn import NotAccepting, Turn, take_turn
from queueapp.lifecycle.validation import parse
from queueapp.models import Attempt, Flow, FlowState, Job, Outcome, Owner, Processor, Waiting, database_now
from queueapp.models.job import PLACES_APART
from queueapp.policy.fairness import service_gap_bound
from queueapp.snapshots.audit import audit
from queueapp.states import Status
from tests.kit.queue import (
    PASS_ON,
    ask_uncommitted,
    everyone_takes_turns,
    make_flow,
    make_owner,
    names,
    outcome,
    plan_anew,
    registered_worker,
    run_all,
    second_connection,
    settle,
    submit_jobs,
)

pytestmark = pytest.mark.usefixtures("no_rules")


def in_processes(work: list[tuple[Any, tuple[Any, ...]]]) -> list[Any]:
    """What functions with their arguments return, each in a real process with a connection of its own."""
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


def test_what_was_not_started_goes_back_while_a_job_outruns_the_quantum() -> None:
    everyone_takes_turns()
    ada = make_owner("ada")
    submit_jobs(ada, *[f"{n}" for n in range(6)], duration=0.005)
    processor, other = register("c").pk, register("c").pk
    turn = take_turn(processor)
    assert len(turn.jobs) > 3
    now = time.monotonic()
    assert settle_part(
        processor, turn.number, [outcome(turn.jobs[0], 0.005)], keep=turn.jobs[1].id, elapsed=30.0, now=now
    )
    assert Outcome.objects.get().job.name == "0"
    assert names(take_turn(other).jobs) == ["2", "3", "4", "5"]
    ada.refresh_from_db()
    assert ada.flow is not None
    assert ada.flow.state.busy == 2
    assert ada.flow.state.vtime == pytest.approx(30.005 + 4 * 0.005)
    assert take_turn(processor, turn.number, [outcome(turn.jobs[1], 31)], now=now, more=False).kept
    assert Outcome.objects.count() == 2


def lose(processor: int) -> None:
    Processor.objects.filter(pk=processor).update(lease_until="2000-01-01T00:00Z")


def test_a_lost_lease_is_rescued_in_place_and_a_late_settlement_changes_nothing() -> None:
    everyone_takes_turns()
    ada = make_owner("ada")
    submit_jobs(ada, "first", "second")
    lost, other = register("c").pk, register("c").pk
    turn = take_turn(lost)
    lose(lost)
    assert rescue_overdue() == 1
    late = settle(lost, turn)
    assert not late.kept
    assert not Outcome.objects.exists()
    again = take_turn(other)
    assert [(job.name, job.attempt) for job in again.jobs] == [("first", 2)]
    settle(other, again)
    assert Outcome.objects.get().attempt == 2
    with pytest.raises(NotAccepting):
        take_turn(lost)
    assert heartbeat(lost, turn.number) is Beat.LOST


def test_a_turn_that_was_taken_back_from_a_processor_that_lives_on_is_not_settled() -> None:
    """Its last sign of life came when it had been taken for dead."""
    submit_jobs(make_owner("ada"), "job")
    processor = register("c")
    turn = take_turn(processor.pk)
    taken_for_dead = Processor.objects.get()
    heartbeat(processor.pk, turn.number)
    assert rescue_ended([taken_for_dead]) == 1
    assert Processor.objects.exists()
    assert not settle(processor.pk, turn).kept
    assert not Outcome.objects.exists()
    assert [(job.name, job.attempt) for job in take_turn(processor.pk).jobs] == [("job", 2)]
    assert audit() == []


def test_what_is_said_late_of_an_earlier_turn_changes_nothing_of_the_present_one() -> None:
    """As where an answer was lost, and the statement is sent again after the next turn has begun."""
    submit_jobs(make_owner("ada"), "a0", "a1", duration=0.01)
    submit_jobs(make_owner("bob"), "next")
    processor = register("c").pk
    earlier = take_turn(processor)
    assert names(earlier.jobs) == ["a0", "a1"]
    present = settle(processor, earlier, more=True)
    assert names(present.jobs) == ["next"]
    before = Processor.objects.values().get(), list(FlowState.objects.order_by("pk").values())
    assert heartbeat(processor, earlier.number, elapsed=50.0, progress=0.5) is Beat.LOST
    first, second = earlier.jobs
    assert not settle_part(
        processor, earlier.number, [outcome(first)], keep=second.id, elapsed=50.0, now=time.monotonic()
    )
    with connection.cursor() as cursor:
        cursor.execute(
            versioned("SELECT queueapp_rescue(%s, %s, %s, 3, 'late', false)"),
            [processor, earlier.number, second.id],
        )
    assert (Processor.objects.values().get(), list(FlowState.objects.order_by("pk").values())) == before
    assert audit() == []


def test_a_job_whose_processors_keep_dying_fails_in_the_end() -> None:
    submit_jobs(make_owner("ada"), "killer", "innocent")
    for _ in range(3):
        processor = register("c").pk
        assert names(take_turn(processor).jobs) == ["killer"]
        lose(processor)
        rescue_overdue()
    ended = Outcome.objects.get()
    assert (ended.status, ended.attempt, ended.error) == (
        "failed",
        3,
        "Its processor died while it ran.",
    )
    assert list(ended.job.attempts.values_list("number", flat=True)) == [1, 2, 3]
    assert names(take_turn(register("c").pk).jobs) == ["innocent"]


def test_a_draining_processor_takes_no_turn() -> None:
    submit_jobs(make_owner("ada"), "job")
    processor = register("mine").pk
    stop_claims("mine")
    with pytest.raises(NotAccepting):
        take_turn(processor)
    assert names(take_turn(register("other").pk).jobs) == ["job"]


def test_cancelled_jobs_are_not_claimed_nor_charged() -> None:
    everyone_takes_turns()
    ada = make_owner("ada")
    submit_jobs(ada, "a", "b", "c", duration=0.004)
    cancel(Job.objects.get(name="b"))
    assert Job.objects.get(name="b").status == Status.CANCELLED
    assert names(take_turn(register("c").pk).jobs) == ["a", "c"]
    ada.refresh_from_db()
    assert ada.flow is not None
    assert ada.flow.state.vtime == pytest.approx(0.008)


def test_a_claim_reads_only_the_head_of_a_deep_backlog_without_statistics() -> None:
    """The plan must not hang on ANALYZE: it was made while there were few jobs and flows, and both were just filled."""
    everyone_takes_turns()
    ada = make_owner("ada")
    processor = register("c").pk
    submit_jobs(ada, "early", "earlier", "earliest")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    run_all(processor)
    made = Flow.objects.bulk_create([Flow(key=f"other {number}") for number in range(5_000)])
    FlowState.objects.bulk_create([FlowState(flow=flow) for flow in made])
    for start in range(0, 20_000, 5_000):
        submit_jobs(ada, *[f"{n}" for n in range(start, start + 5_000)], duration=1)
    assert_only_the_head_is_read(processor)


@pytest.mark.parametrize("table", ["queueapp_job", "queueapp_waiting", ""])
def test_a_claim_reads_only_the_head_where_statistics_were_taken_before_a_flood_was_committed(table: str) -> None:
    """They say that many pages hold no rows, of one table or of all; autovacuum takes such, and keeps them a minute."""
    everyone_takes_turns()
    ada = make_owner("ada")
    first, second = register("c").pk, register("c").pk
    submit_jobs(ada, "early")
    run_all(first)
    Job.objects.all().delete()
    with second_connection() as theirs:
        for start in range(0, 20_000, 5_000):
            ask_uncommitted(theirs, ada, *[f"{n}" for n in range(start, start + 5_000)])
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM pg_statistic")
            cursor.execute(f"ANALYZE {table}")
        theirs.execute(PASS_ON)
        theirs.commit()
    plan_anew()
    assert_only_the_head_is_read(second)
    assert_only_some_are_read([job.pk for job in Job.objects.of(ada.pk).order_by("-id")[:3]], ada.pk)
    assert_each_is_read_a_few_times(ada)


def assert_only_some_are_read(jobs: list[int], owner: int) -> None:
    """By a cancellation and a retry of these jobs, whatever the tables hold."""
    before = read()
    assert cancel_jobs(owner, jobs).cancelled == set(jobs)
    assert try_again_jobs(owner, jobs) == len(jobs)
    for table, (rows, entries) in read().items():
        assert rows == before[table][0], table
        assert entries - before[table][1] <= 30, table


def assert_only_the_head_is_read(processor: int) -> None:
    """By a turn that is settled, and the next one, whatever the tables hold."""
    turn = take_turn(processor)
    before = read()
    settle(processor, turn, more=True)
    for table, (rows, entries) in read().items():
        assert rows == before[table][0], table
        assert entries - before[table][1] <= 30, table


def assert_each_is_read_a_few_times(owner: Owner) -> None:
    """By a cancellation and a retry of a thousand jobs among twenty thousand, and not each beside all others."""
    before = read()
    assert cancel_matching(owner, CancelFilter(prefix="19")).cancelled > 1_000
    assert try_again_matching(owner, RetryFilter(prefix="19")).retried > 1_000
    for table, (rows, entries) in read().items():
        assert rows - before[table][0] + entries - before[table][1] <= 100_000, table


def read() -> dict[str, tuple[int, int]]:
    """What was read so far of each large table: rows by sequential scans, and entries of its indexes."""
    with connection.cursor() as cursor:
        cursor.execute(PASS_ON)
        cursor.execute(
            "SELECT relname, seq_tup_read,"
            "       (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes i WHERE i.relid = t.relid)::bigint"
            "  FROM pg_stat_user_tables AS t"
            " WHERE relname IN ('queueapp_waiting', 'queueapp_job', 'queueapp_outcome', 'queueapp_flowstate')"
        )
        return {table: (rows, pages) for table, rows, pages in cursor.fetchall()}


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


def test_beside_an_open_transaction_a_claim_reads_no_more_for_all_that_was_taken() -> None:
    """What was deleted or changed since cannot be cleared away, and is walked only where it cannot be told apart."""
    everyone_takes_turns()
    ada = make_owner("ada")
    processor = register("c").pk
    with second_connection() as witness:
        witness.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        witness.execute("SELECT count(*) FROM queueapp_job")
        submit_jobs(ada, *[f"{n}" for n in range(1_200)])
        few = pages_of_turns(processor, 10)
        run_all(processor, limit=1_000)
        many = pages_of_turns(processor, 10)
    assert many["queueapp_waiting"] <= few["queueapp_waiting"] + 20


def pages_of_turns(processor: int, turns: int) -> dict[str, int]:
    """Pages of tables and of their indexes that so many turns of one processor read."""
    before = pages()
    run_all(processor, limit=turns)
    return {table: many - before[table] for table, many in pages().items()}


def pages() -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute(PASS_ON)
        cursor.execute(
            "SELECT relname, idx_blks_hit + idx_blks_read + heap_blks_hit + heap_blks_read FROM pg_statio_user_tables"
        )
        return dict(cursor.fetchall())


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


def test_a_turn_whose_answer_was_lost_is_given_back_and_costs_no_attempt() -> None:
    """As when the connection is cut after the claim's commit: the processor holds jobs that it knows nothing of."""
    everyone_takes_turns()
    ada = make_owner("ada")
    submit_jobs(ada, "a0", "a1", duration=0.001)
    worker = registered_worker()
    try:
        lost = take_turn(worker.processor)
        assert names(lost.jobs) == ["a0", "a1"]
        submit_jobs(ada, "a2", duration=0.001)
        again = worker.settle_and_claim(Turn(), None, more=True)
        assert [(job.name, job.attempt) for job in again.jobs] == [("a0", 1), ("a1", 1), ("a2", 1)]
        assert not settle(worker.processor, again).jobs
    finally:
        worker.release()
    assert Outcome.objects.count() == 3


def test_a_turn_that_was_begun_and_whose_outcomes_got_lost_has_cost_an_attempt() -> None:
    """Else a job whose worker fails at it each time would run again and again as its first attempt."""
    submit_jobs(make_owner("ada"), "a0")
    worker = registered_worker()
    try:
        turn = worker.settle_and_claim(Turn(), None, more=True)
        worker.begun = turn.number
        again = worker.settle_and_claim(Turn(), None, more=True)
        assert [(job.name, job.attempt) for job in again.jobs] == [("a0", 2)]
    finally:
        worker.release()
    assert audit() == []


def test_signs_of_life_between_turns_do_not_keep_a_turn_whose_answer_was_lost() -> None:
    everyone_takes_turns()
    submit_jobs(make_owner("ada"), "a0")
    processor = register("test")
    take_turn(processor.pk)
    before = Processor.objects.get().lease_until
    beat_idle("test", [processor.pid])
    assert Processor.objects.get().lease_until == before


def test_a_settlement_that_the_database_refuses_fails_that_job_alone() -> None:
    """Text that PostgreSQL cannot store comes to the settlement, past every check before it."""
    everyone_takes_turns()
    submit_jobs(make_owner("ada"), "a0", "a1", "a2", duration=0.001)
    worker = registered_worker()
    try:
        turn = take_turn(worker.processor)
        good, bad, late = (outcome(job) for job in turn.jobs)
        bad = replace(bad, result='"\\u0000"')
        assert not worker.settle_and_claim(turn, [good, bad, late], more=False).jobs
    finally:
        worker.release()
    ended = Outcome.objects.order_by("job")
    assert [(o.status, o.attempt) for o in ended] == [("succeeded", 1), ("failed", 1), ("succeeded", 1)]
    assert "could not be stored" in ended[1].error


def test_a_turn_whose_settlement_was_acknowledged_to_nobody_is_not_settled_twice() -> None:
    """A part is settled, the answer is lost, and the end of the turn comes with all that was not acknowledged."""
    everyone_takes_turns()
    submit_jobs(make_owner("ada"), "flaky", "long", duration=0.001)
    worker = registered_worker()
    try:
        turn = take_turn(worker.processor)
        failed = replace(outcome(turn.jobs[0], 0.01), status=Status.FAILED, retry=0.0)
        now = time.monotonic()
        settle_part(worker.processor, turn.number, [failed], keep=turn.jobs[1].id, elapsed=0.03, now=now)
        ends = [failed, outcome(turn.jobs[1], 0.05)]
        assert worker.settle_and_claim(turn, ends, more=False, in_doubt=True).kept
    finally:
        worker.release()
    assert Outcome.objects.get().job.name == "long"
    assert Waiting.objects.get().attempt == 2
    assert audit() == []


def test_cancelling_a_job_of_a_turn_stops_no_other() -> None:
    """A tiny job is cancelled while the turn still stands for it; then a long one of another user runs on."""
    mallory, ada = make_owner("mallory"), make_owner("ada")
    submit_jobs(mallory, "tiny", duration=0.001)
    submit_jobs(ada, "long", duration=0.001)
    processor = register("c").pk
    turn = take_turn(processor)
    assert names(turn.jobs) == ["tiny", "long"]
    assert not cancel(Job.objects.get(name="tiny")), "it runs, and is asked to stop"
    tiny, long = turn.jobs
    settle_part(processor, turn.number, [outcome(tiny)], keep=long.id, elapsed=0.03, now=time.monotonic())
    assert heartbeat(processor, turn.number, elapsed=0.1) is Beat.GO_ON


def test_of_a_turn_of_several_jobs_nobody_is_blamed_and_each_is_then_taken_singly() -> None:
    """One of them kills whatever runs it: the others lose no attempt, and it is found."""
    submit_jobs(make_owner("ada"), "a0", "a1", duration=0.001)
    submit_jobs(make_owner("mallory"), "killer", duration=0.001)
    processor = register("c").pk
    assert names(take_turn(processor).jobs) == ["a0", "a1", "killer"]
    lose(processor)
    rescue_overdue()
    for name in ("a0", "a1"):
        turn = take_turn(register("c").pk)
        assert [(job.name, job.attempt) for job in turn.jobs] == [(name, 1)]
        settle(Processor.objects.get(turn=turn.number).pk, turn)
    for attempt in (1, 2, 3):
        processor = register("c").pk
        assert [(job.name, job.attempt) for job in take_turn(processor).jobs] == [("killer", attempt)]
        lose(processor)
        rescue_overdue()
    assert Outcome.objects.get(status="failed").job.name == "killer"
    assert audit() == []


@pytest.mark.parametrize("stopped", [True, False], ids=["its cluster was stopped", "its processor died"])
def test_a_job_that_was_to_be_cancelled_does_not_come_back(stopped: bool) -> None:
    """Its owner was told that it is asked to stop."""
    submit_jobs(make_owner("ada"), "cancelled", "other")
    processor = register("c").pk
    assert names(take_turn(processor).jobs) == ["cancelled"]
    assert not cancel(Job.objects.get(name="cancelled"))
    if stopped:
        rescue_cluster("c")
    else:
        lose(processor)
        rescue_overdue()
    ended = Outcome.objects.get()
    assert (ended.job.name, ended.status, ended.attempt) == ("cancelled", "cancelled", 1)
    assert names(take_turn(register("d").pk).jobs) == ["other"]
    assert audit() == []


def test_a_cluster_that_its_operator_stops_costs_no_attempt() -> None:
    submit_jobs(make_owner("ada"), "long")
    for _ in range(4):
        assert [(job.name, job.attempt) for job in take_turn(register("c").pk).jobs] == [("long", 1)]
        rescue_cluster("c")
    assert not Outcome.objects.exists()
    assert audit() == []


def test_a_job_that_was_cancelled_between_attempts_and_tried_again_is_numbered_on() -> None:
    """Its new attempt's error and time are kept."""
    submit_jobs(make_owner("ada"), "job")
    processor = register("c").pk
    turn = take_turn(processor)
    failed = replace(outcome(turn.jobs[0], 1.0), status=Status.FAILED, error="first", retry=1000.0)
    take_turn(processor, turn.number, [failed], now=time.monotonic(), more=False)
    job = Job.objects.get()
    assert cancel(job)
    try_again(job)
    join_due()
    turn = take_turn(processor)
    assert turn.jobs[0].attempt == 2
    failed = replace(outcome(turn.jobs[0], 2.0), status=Status.FAILED, error="second")
    take_turn(processor, turn.number, [failed], now=time.monotonic(), more=False)
    assert list(job.attempts.values_list("number", "error")) == [(1, "first"), (2, "second")]
    assert Outcome.objects.get().time_spent == 3.0


@pytest.mark.parametrize("by_filter", [False, True])
def test_a_job_with_very_many_attempts_is_not_tried_again_even_if_it_was_cancelled(by_filter: bool) -> None:
    """The number of an attempt is a small integer. Beyond it, no settlement and no rescue would be possible."""
    ada = make_owner("ada")
    submit_jobs(ada, "job", "other")
    job = Job.objects.get(name="job")
    now = database_now()
    moments = {"started_at": now, "finished_at": now, "time_spent": 0.0}
    Attempt.objects.create(job=job, number=MAX_ATTEMPTS, **moments)
    cancel_jobs(ada.pk, Job.objects.values_list("pk", flat=True), stop=False)
    if by_filter:
        assert try_again_matching(ada, RetryFilter(all=True)).retried == 1
    else:
        with pytest.raises(NotRetryable, match="has had 200 attempts"):
            try_again(job)
        try_again(Job.objects.get(name="other"))
    assert [one.name for one in Job.objects.filter(outcome=None)] == ["other"]


@pytest.mark.parametrize("declared", [5e-324, 1e-300, 1e300])
@pytest.mark.parametrize("spent", [1e-9, 1.0, 1e8])
def test_no_declaration_however_small_or_large_keeps_others_from_their_turns(declared: float, spent: float) -> None:
    """PostgreSQL refuses a product of floats that is too small or too large. Submission refuses such durations; a row
    of an earlier version may have one."""
    everyone_takes_turns(weight=3)
    ada, ben = make_owner("ada"), make_owner("ben")
    submit_jobs(ada, "a0", "a1", "a2")
    submit_jobs(ben, "b0")
    Job.objects.filter(owner=ada).update(duration=declared)
    Waiting.objects.filter(owner=ada).update(expected=declared)
    done = run_all(register("c").pk, spent)
    assert sorted(done) == ["a0", "a1", "a2", "b0"]
    assert audit() == []


def test_a_job_that_was_cancelled_before_its_moment_and_tried_again_waits_for_it() -> None:
    ada = make_owner("ada")
    submit(ada, [parse({"job_id": "later", "duration": 1.0, "run_at": "2100-01-01T00:00:00Z"})])
    job = Job.objects.get()
    assert cancel(job)
    try_again(job)
    join_due()
    assert Waiting.objects.get().not_before == job.run_at
    assert take_turn(register("c").pk).jobs == []
    assert audit() == []
