"""From the record of a task process, or its death, to the outcome that is settled."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import Settings

from queueapp.lifecycle.turn import ClaimedJob
from queueapp.states import Status
from queueapp.workers.outcomes import deferred_outcome, died_outcome, ended_outcome
from queueapp.workers.shared_memory import Kind, Record, SharedMemory, Stop

NO_LIMITS = (None, None)


def job(attempt: int = 1) -> ClaimedJob:
    return ClaimedJob(7, "render", 3, "wait", "{}", 1.0, attempt)


def record(kind: Kind, text: str = "") -> Record:
    return Record(0, 10.0, 12.5, kind, text, "printed", 0.5, "half way")


def test_a_result_is_a_success_with_its_time_and_progress() -> None:
    found = ended_outcome(job(), record(Kind.RESULT, '{"n": 1}'), Stop.NO, NO_LIMITS)
    assert (found.status, found.spent, found.result) == (Status.SUCCEEDED, 2.5, '{"n": 1}')
    assert (found.progress, found.message, found.log) == (0.5, "half way", "printed")


def test_an_error_is_tried_again_but_for_the_last_attempt_and_a_refusal(settings: Settings) -> None:
    settings.QUEUEAPP = settings.QUEUEAPP | {"RETRY_DELAY_SECONDS": 2.0, "MAX_ATTEMPTS": 3}
    first = ended_outcome(job(1), record(Kind.ERROR, "ValueError: no"), Stop.NO, NO_LIMITS)
    assert (first.status, first.error) == (Status.FAILED, "ValueError: no")
    assert first.retry is not None
    assert 1.0 <= first.retry <= 2.0
    assert ended_outcome(job(3), record(Kind.ERROR, "ValueError: no"), Stop.NO, NO_LIMITS).retry is None
    assert ended_outcome(job(1), record(Kind.REFUSED, "Not today."), Stop.NO, NO_LIMITS).retry is None


@pytest.mark.parametrize(
    ("stop", "limits", "expected"),
    [
        (Stop.CANCELLED, NO_LIMITS, (Status.CANCELLED, "")),
        (Stop.TIME_LIMIT, (0.5, None), (Status.FAILED, "It reached its time limit.")),
        (Stop.NO, NO_LIMITS, (Status.FAILED, "It stopped by itself.")),
    ],
)
def test_a_job_that_was_stopped_says_why(stop: Stop, limits: Any, expected: tuple[Status, str]) -> None:
    found = ended_outcome(job(), record(Kind.STOPPED, "It stopped by itself."), stop, limits)
    assert (found.status, found.error) == expected


def test_a_death_is_told_in_words_and_a_limit_by_its_name() -> None:
    memory = SharedMemory()
    died = died_outcome(job(), "ended its process with exit code 3", 10.0, Stop.NO, NO_LIMITS, memory)
    assert (died.status, died.error) == (Status.FAILED, "It ended its process with exit code 3.")
    hungry = died_outcome(job(), "was ended by SIGKILL", 10.0, Stop.MEMORY_LIMIT, (None, 200.0), memory)
    assert hungry.error == "It reached its memory limit of 200 MB."
    assert died_outcome(job(), "was ended by SIGKILL", 10.0, Stop.CANCELLED, NO_LIMITS, memory).status == "cancelled"


def test_a_job_whose_task_is_not_here_waits_at_no_attempt() -> None:
    found = deferred_outcome(job(), now=10.0)
    assert (found.status, found.attempt) == (Status.QUEUED, 1)
    assert found.retry is not None
    assert found.message == "Waits for a processor that has its task."
