"""What is shown is of one moment, whatever goes on between two statements."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection

from queueapp.lifecycle.maintenance.schedule import join_due
from queueapp.lifecycle.processors import register
from queueapp.lifecycle.retry import try_again
from queueapp.lifecycle.turn import ClaimedJob, Turn, take_turn
from queueapp.models import Job
from queueapp.snapshots import completions_after, job_dict, queue_snapshot
from queueapp.states import Status
from tests.kit.queue import everyone_takes_turns, in_thread, make_owner, outcome, settle, submit_jobs

pytestmark = pytest.mark.usefixtures("no_rules")


@contextmanager
def before_statement(number: int, do: Callable[[], Any]) -> Iterator[list[str]]:
    """Do something on another connection just before this connection's so-manieth statement; gives all statements."""
    seen: list[str] = []

    def wrapper(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        seen.append(sql)
        if len(seen) == number:
            with ThreadPoolExecutor(1) as pool:
                pool.submit(in_thread, do).result()
        return execute(sql, *rest)

    with connection.execute_wrapper(wrapper):
        yield seen


def at_work() -> tuple[Any, int, Turn]:
    everyone_takes_turns()
    ada = make_owner("ada")
    submit_jobs(ada, "job", "next")
    processor = register("c").pk
    return ada, processor, take_turn(processor)


@pytest.mark.parametrize("number", range(2, 6))
def test_a_job_that_ends_meanwhile_is_not_shown_as_queued(number: int) -> None:
    _, processor, turn = at_work()
    with before_statement(number, lambda: settle(processor, turn)):
        shown = job_dict(Job.objects.whole().get(name="job"))
    assert shown["status"] in ("running", "succeeded")


@pytest.mark.parametrize("number", range(2, 13))
def test_what_a_queue_shows_as_running_runs(number: int) -> None:
    ada, processor, turn = at_work()
    with before_statement(number, lambda: settle(processor, turn, more=True)) as seen:
        queue = queue_snapshot(ada)
    assert len(seen) >= 12
    assert [job["status"] for job in queue["running"]] == ["running"]
    shown = [[job["job_id"] for job in queue[part]] for part in ("running", "waiting")]
    assert shown in ([["job"], ["next"]], [["next"], []])


def failed(job: ClaimedJob) -> Any:
    return replace(outcome(job), status=Status.FAILED, error="wrong")


def test_a_completion_that_is_tried_again_meanwhile_hides_no_other() -> None:
    everyone_takes_turns()
    ada = make_owner("ada")
    submit_jobs(ada, *[f"j{n}" for n in range(9)])
    processor = register("c").pk
    for _ in range(9):
        turn = take_turn(processor)
        take_turn(processor, turn.number, [failed(turn.jobs[0])], more=False)

    def again() -> None:
        try_again(Job.objects.get(name="j0"))
        join_due()
        settle(processor, take_turn(processor))

    with before_statement(4, again) as seen:
        found = completions_after({ada.pk: 0})
    assert "pg_logical_emit_message" in seen[3]
    assert [one.job["job_id"] for one in found] == [f"j{n}" for n in range(1, 9)]
    rest = completions_after({ada.pk: found[-1].number})
    assert [one.job["job_id"] for one in rest] == ["j0"]
