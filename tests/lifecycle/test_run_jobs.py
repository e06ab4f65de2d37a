"""What queueapp.testing gives to the tests of a project."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import TestCase

import queueapp
from queueapp import JobContext, JobFailed, registry, task
from queueapp.errors import InvalidSubmission
from queueapp.handle import Job
from queueapp.lifecycle.pause import pause
from queueapp.models import JobReport, Owner, Processor
from queueapp.snapshots.audit import audit
from queueapp.testing import jobs_inline, run_jobs
from tests.kit.queue import everyone_takes_turns, make_user

Run = Callable[[], list[Job]]


@pytest.fixture(autouse=True)
def tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks of this module, forgotten after each test."""
    monkeypatch.setattr(registry, "_tasks", dict(registry._tasks))

    @task("adds")
    def adds(job: JobContext, numbers: list[int]) -> dict[str, Any]:
        job.progress(0.5, "half")
        job.stage("sum")
        job.note("added")
        return {"sum": sum(numbers), "types": [type(number).__name__ for number in numbers]}

    @task("fails-twice", max_attempts=3)
    def fails_twice(job: JobContext) -> int:
        if job.attempt < 3:
            raise ValueError(f"attempt {job.attempt}")
        return job.attempt

    @task("refuses")
    def refuses(job: JobContext) -> None:
        raise JobFailed("Not today.")

    @task("returns-an-object", max_attempts=1)
    def returns_an_object(job: JobContext) -> object:
        return object()

    @task("submits")
    def submits(job: JobContext, more: int) -> None:
        if more:
            queueapp.submit("team-blue", "submits", {"more": more - 1}, duration=0.01)

    @task("makes-a-user-twice", max_attempts=1)
    def makes_a_user_twice(job: JobContext) -> None:
        make_user("twin"), make_user("twin")


def submit(name: str, **payload: Any) -> Job:
    return queueapp.submit("team-blue", name, payload, duration=0.01, job_id=name)


def test_a_job_runs_with_its_payload_and_result_as_json(run_jobs: Run) -> None:
    job = submit("adds", numbers=[1, 2])
    assert [ended.job_id for ended in run_jobs()] == ["adds"]
    assert job.refresh().result == {"sum": 3, "types": ["int", "int"]}
    assert (job.status, job.data["message"], job.data["attempt"]) == ("succeeded", "half", 1)
    report = JobReport.objects.get(job__name="adds")
    assert ([name for name, _ in report.stages], report.note) == (["sum"], "added")
    assert not Processor.objects.exists()
    assert audit() == []


def test_what_a_processor_would_record_of_failures_is_recorded(run_jobs: Run) -> None:
    flaky, refused, wrong = submit("fails-twice"), submit("refuses"), submit("returns-an-object")
    run_jobs()
    assert flaky.refresh().result == 3
    assert [attempt["error"] for attempt in flaky.data["attempts"]] == [
        "ValueError: attempt 1",
        "ValueError: attempt 2",
    ]
    assert (refused.status, refused.error) == ("failed", "Not today.")
    assert "not JSON serializable" in wrong.error
    assert audit() == []


def test_jobs_run_in_the_fair_order_and_those_that_may_not_stay(run_jobs: Run) -> None:
    everyone_takes_turns()
    for owner in ("ada", "ben"):
        queueapp.submit_many(owner, [{"job_id": f"{owner}-{n}", "task": "submits", "payload": {"more": 0},
                                      "duration": 1} for n in range(2)])  # fmt: skip
    queueapp.submit("later", "submits", {"more": 0}, duration=1, run_at=datetime(2100, 1, 1, tzinfo=UTC))
    queueapp.submit("paused", "submits", {"more": 0}, duration=1)
    pause("no reason", Owner.objects.of_key("paused"))
    names = [job.job_id for job in run_jobs()]
    assert names[:2] == ["ada-0", "ben-0"], "then those whose first job took less time"
    assert sorted(names[2:]) == ["ada-1", "ben-1"]


def test_jobs_that_jobs_submit_run_too(run_jobs: Run) -> None:
    submit("submits", more=3)
    assert len(run_jobs()) == 4


def test_inline_a_job_has_run_when_its_submission_returns(jobs_inline: None) -> None:
    assert submit("adds", numbers=[]).result == {"sum": 0, "types": []}
    with pytest.raises(InvalidSubmission):
        submit("adds", numbers=["x"])
    assert submit("submits", more=2).wait(timeout=0).status == "succeeded"
    assert run_jobs() == []


def test_inline_a_job_of_a_transaction_runs_after_the_commit(
    jobs_inline: None, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        job = submit("adds", numbers=[1])
        assert job.status == "queued"
    assert job.refresh().result["sum"] == 1


def test_within_a_test_case_a_job_of_a_transaction_is_found(run_jobs: Run) -> None:
    with transaction.atomic():
        job = submit("adds", numbers=[1])
    run_jobs()
    assert job.refresh().status == "succeeded"


def test_an_error_of_the_database_fails_the_job_and_not_the_test(run_jobs: Run) -> None:
    job = submit("makes-a-user-twice")
    run_jobs()
    assert job.refresh().error.startswith(IntegrityError.__name__)
    assert connection.is_usable()


@pytest.mark.django_db(transaction=True)
def test_outside_of_a_test_case_it_is_the_same() -> None:
    with jobs_inline():
        with transaction.atomic():
            job = submit("adds", numbers=[1])
            assert job.status == "queued"
        assert job.refresh().status == "succeeded"
        assert submit("fails-twice").result == 3


class TestOfAProject(TestCase):
    """As a project that does not use pytest has it."""

    def test_a_cancelled_job_does_not_run(self) -> None:
        job = queueapp.submit(make_user("ada"), "refuses", duration=1)
        job.cancel()
        run_jobs()
        self.assertEqual(job.refresh().status, "cancelled")  # noqa: PT009
