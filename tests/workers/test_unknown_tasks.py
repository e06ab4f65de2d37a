"""Jobs whose task this version of the site does not have: they wait for processors that have it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from django.db import connection

from queueapp import JobContext, registry, task
from queueapp.lifecycle.maintenance.schedule import join_due
from queueapp.lifecycle.processors import register
from queueapp.lifecycle.rescue import rescue_overdue
from queueapp.lifecycle.submit import submit
from queueapp.lifecycle.turn import take_turn
from queueapp.lifecycle.validation import parse
from queueapp.models import Outcome, Owner, Processor, Waiting
from queueapp.workers.outcomes import deferred_outcome
from queueapp.workers.worker import Worker
from tests.kit.queue import everyone_takes_turns, make_owner, names, outcome, registered_worker

pytestmark = pytest.mark.usefixtures("no_rules")
UNKNOWN = "of-the-next-version"


@pytest.fixture
def worker() -> Iterator[Worker]:
    made = registered_worker()
    yield made
    made.release()


def submit_unknown(owner: Owner, monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Submit jobs of the unknown task, as a web server of the next version does."""
    with monkeypatch.context() as next_version:
        next_version.setattr(registry, "_tasks", registry.all_tasks())

        @task(UNKNOWN, max_attempts=1)
        def unknown(job: JobContext) -> None: ...

        submit(owner, [parse({"job_id": name, "task": UNKNOWN, "duration": 0.01}) for name in names])


def submit_known(owner: Owner, *names: str) -> None:
    submit(owner, [parse({"job_id": name, "duration": 0.01}) for name in names])


def test_they_wait_at_no_attempt_hold_nobody_up_and_keep_their_places(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = make_owner("ada")
    submit_unknown(ada, monkeypatch, "new")
    submit_known(ada, "old")
    worker.take_turns()
    assert list(Outcome.objects.values_list("job__name", "status")) == [("old", "succeeded")]
    waiting = Waiting.objects.get()
    assert (waiting.job.name, waiting.attempt, waiting.flow) == ("new", 1, None)
    assert waiting.note == "Waits for a processor that has its task."
    submit_known(ada, "later")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE queueapp_waiting SET not_before = clock_timestamp() WHERE flow_id IS NULL")
    join_due()
    assert names(take_turn(register("of the next version").pk).jobs)[0] == "new"


def test_a_deep_backlog_of_them_takes_no_more_than_its_owners_share(monkeypatch: pytest.MonkeyPatch) -> None:
    everyone_takes_turns()
    ada, bob = make_owner("ada"), make_owner("bob")
    submit_unknown(ada, monkeypatch, *(f"new{n}" for n in range(100)))
    submit_known(bob, *(f"b{n}" for n in range(10)))
    processor, deferred, done = register("c").pk, 0, 0
    turn = take_turn(processor)
    while done < 10:
        now = time.monotonic()
        unknown = [job for job in turn.jobs if job.task == UNKNOWN]
        known = [job for job in turn.jobs if job.task != UNKNOWN]
        deferred, done = deferred + len(unknown), done + len(known)
        outcomes = [deferred_outcome(job, now) for job in unknown] + [outcome(job, 0.01) for job in known]
        turn = take_turn(processor, turn.number, outcomes, now=now)
    assert deferred < 80, "all were deferred before the other owner's jobs"


def test_their_attempts_are_not_counted_by_whoever_does_not_know_them(monkeypatch: pytest.MonkeyPatch) -> None:
    ada, new = make_owner("ada"), register("of the next version").pk
    submit_unknown(ada, monkeypatch, "new")
    [job] = take_turn(new).jobs
    Processor.objects.update(lease_until="2000-01-01T00:00:00Z")
    assert rescue_overdue() == 1
    [again] = take_turn(register("c").pk).jobs
    assert (again.name, again.attempt) == (job.name, 1)
    assert not Outcome.objects.exists()
