"""Why a job waits: the reason that is told is the one that keeps it from starting."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from queueapp.lifecycle.pause import pause
from queueapp.lifecycle.processors import register
from queueapp.lifecycle.submit import submit
from queueapp.lifecycle.turn import take_turn
from queueapp.lifecycle.validation import parse
from queueapp.models import Job, PriorityRule
from queueapp.policy.accuracy import Accuracy
from queueapp.policy.wait_reason import Reason, WaitFacts, wait_reason
from queueapp.snapshots import explain_wait, shapes
from queueapp.snapshots.wait_sentence import wait_sentence
from queueapp.states import Status
from tests.kit.queue import everyone_takes_turns, make_owner, outcome, submit_jobs, user_of

pytestmark = [pytest.mark.usefixtures("no_rules"), pytest.mark.django_db(transaction=True)]


def why(name: str, accuracy: Accuracy | None = None) -> shapes.WaitExplained:
    explained = explain_wait(Job.objects.whole().get(name=name), accuracy or Accuracy())
    assert explained is not None
    return explained


def told(name: str) -> tuple[Reason, str]:
    explained = why(name)
    return explained["reason"], explained["sentence"]


def sure(factor: float) -> Accuracy:
    """What is known where starts lately came so much later than was predicted."""
    accuracy = Accuracy()
    for job in range(60):
        accuracy.predict(job, 0.0, 20.0)
        accuracy.started(job, 20.0 * factor)
    return accuracy


def test_without_a_processor_nothing_starts() -> None:
    everyone_takes_turns()
    submit_jobs(make_owner("ada"), "a1", "a2")
    assert told("a2") == (Reason.NO_PROCESSORS, "No processor runs at present.")
    assert why("a2")["estimated_start"] is None


def test_the_jobs_before_it_are_counted_and_the_start_has_a_range() -> None:
    everyone_takes_turns()
    ada, bob = make_owner("ada"), make_owner("bob")
    register("c")
    submit_jobs(ada, "a1", "a2", "a3", duration=10.0)
    submit_jobs(bob, "b1", "b2", "b3", duration=10.0)
    assert told("a1") == (Reason.NEXT, "It is about to start.")
    assert told("b1") == (Reason.TURNS, "About 1 job of others comes first.")
    found = why("a3", sure(2.0))
    assert found["sentence"] == "2 of your own jobs and about 2 of others come first."
    assert (found["jobs_before"], found["others_before"], found["rule"]) == (2, 2, "Everyone takes turns")
    assert found["earliest"] == found["latest"]
    assert str(found["earliest"]) > str(found["estimated_start"]), "it comes twice as late as predicted"
    assert (found["share"]["owed"], found["share"]["flows"], found["share"]["flow"]) == (0.5, 2, "ada")
    take_turn(register("c").pk)
    assert why("a3")["processors"]["busy"] == 1


def test_a_cap_a_pause_a_moment_and_a_failure_are_told_in_words() -> None:
    everyone_takes_turns(cap=1)
    ada = make_owner("ada")
    processor = register("c").pk
    register("c")
    submit_jobs(ada, "a1", "a2", duration=10.0)
    turn = take_turn(processor)
    assert told("a2") == (Reason.CAP, "1 job of your flow runs: the rule Everyone takes turns allows 1 at once.")
    failed = replace(outcome(turn.jobs[0]), status=Status.FAILED, error="it broke", retry=60.0)
    take_turn(processor, turn.number, [failed], more=False)
    assert told("a1") == (Reason.RETRY, "Attempt 1 failed; the next one comes after a pause.")
    later = timezone.now() + timedelta(hours=1)
    submit(ada, [parse({"job_id": "later", "duration": 1, "run_at": later.isoformat()})])
    assert told("later") == (Reason.NOT_DUE, "It was submitted for a later moment.")
    assert why("later")["estimated_start"] == why("later")["not_before"] == shapes.iso(later)
    pause("new disks", owner=ada)
    assert told("a2") == (Reason.PAUSED, "Your jobs are paused by staff: new disks")
    assert (why("a2")["share"]["owed"], why("a2")["estimated_start"]) == (0.0, None)


def test_of_a_shared_flow_the_jobs_before_it_are_not_called_ones_own() -> None:
    PriorityRule.objects.all().delete()
    ada, bob = make_owner("ada"), make_owner("bob")
    register("c")
    submit_jobs(ada, "a1", "a2")
    submit_jobs(bob, "b1")
    assert told("b1") == (Reason.TURNS, "2 of the jobs of everyone else come first.")


def test_a_job_that_does_not_wait_is_told_by_its_state() -> None:
    everyone_takes_turns()
    ada, processor = make_owner("ada"), register("c").pk
    submit_jobs(ada, "a1", duration=10.0)
    client = Client()
    client.force_login(user_of(ada))
    assert client.get("/api/v1/jobs/a1/why/").json()["reason"] == "next"
    take_turn(processor)
    answer = client.get("/api/v1/jobs/a1/why/")
    assert (answer.status_code, answer.json()["detail"]) == (409, "Job a1 does not wait: it is running.")


@pytest.mark.site
def test_the_page_of_a_waiting_job_says_why() -> None:
    everyone_takes_turns()
    ada = make_owner("ada")
    submit_jobs(ada, "a1", "a2")
    client = Client()
    client.force_login(user_of(ada))
    page = client.get("/jobs/a2/").content.decode()
    assert "No processor runs at present." in page
    assert "Everyone takes turns" in page
    register("c")
    page = client.get("/jobs/a2/").content.decode()
    assert "1 of your own jobs comes first." in page
    assert "It should start in about 1 s." in page or "It should start any moment." in page


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"starting": 2}, "No processor runs yet; 2 are starting."),
        ({"alive": 1, "busy": 1}, "It is next, as soon as the processor is free."),
        ({"alive": 4, "busy": 4}, "It is next, as soon as one of the 4 processors is free."),
        ({"alive": 1, "before": None, "others_before": None}, "Many of your own jobs and many of others come first."),
        ({"alive": 1, "others_before": None}, "Many jobs of others come first."),
        ({"alive": 1, "before": 1, "others_before": 1}, "1 of your own jobs and about 1 of others come first."),
        ({"alive": 1, "others_before": 21}, "About 21 jobs of others come first."),
        ({"alive": 1, "others_before": 1_234}, "About 1,234 jobs of others come first."),
        ({"alive": 1, "cap": 2, "running": 2, "flow": "Lab"}, "2 jobs of the flow Lab run: its rule allows 2 at once."),
        ({"alive": 1, "held": True}, "Its flow's jobs are being moved, because the rules have changed."),
        ({"alive": 1, "joined": False}, "It is about to join its flow."),
        ({"due": False, "note": "No processor has the task render."}, "No processor has the task render."),
    ],
)
def test_sentences_are_plain_words(facts: dict[str, Any], sentence: str) -> None:
    known = WaitFacts(**facts)
    assert wait_sentence(wait_reason(known), known) == sentence
