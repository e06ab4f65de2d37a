"""Turns, cancellations and retries read few rows of a deep backlog, with stale statistics or none."""

from __future__ import annotations

import pytest
from django.db import connection

from queueapp.lifecycle.cancel import cancel_jobs
from queueapp.lifecycle.job_filter import CancelFilter, RetryFilter
from queueapp.lifecycle.matching import cancel_matching, try_again_matching
from queueapp.lifecycle.processors import register
from queueapp.lifecycle.retry import try_again_jobs
from queueapp.lifecycle.turn import take_turn
from queueapp.models import Flow, FlowState, Job, Owner
from tests.kit.queue import (
    PASS_ON,
    ask_uncommitted,
    everyone_takes_turns,
    make_owner,
    plan_anew,
    run_all,
    second_connection,
    settle,
    submit_jobs,
)

pytestmark = pytest.mark.usefixtures("no_rules")


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


def test_beside_an_open_transaction_a_claim_reads_no_more_for_all_that_was_taken() -> None:
    """VACUUM cannot remove dead tuples then. A claim after 1,000 turns reads hardly more pages for that."""
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
