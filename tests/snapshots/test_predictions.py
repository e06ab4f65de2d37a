"""What came of predicted starts, read from the database."""

from __future__ import annotations

import pytest
from django.db import connection

from queueapp.lifecycle.cancel import cancel
from queueapp.lifecycle.processors import register
from queueapp.lifecycle.turn import take_turn
from queueapp.models import Job, Processor, database_now
from queueapp.snapshots import Predictions, fleet_now
from queueapp.snapshots.predictions import PER_LOOK
from tests.kit.queue import make_owner, settle, submit_jobs

pytestmark = pytest.mark.django_db(transaction=True)


def look(predictions: Predictions) -> None:
    """Show the fleet as it is now, as if the last look had been long ago."""
    predictions._followed = None
    predictions.look(fleet_now(database_now()))


def ages(name: str, seconds: float) -> None:
    """Let the job's processor have started it so much earlier."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE queueapp_processor SET job_started_at = job_started_at - make_interval(secs => %s)"
            " WHERE job_id = (SELECT id FROM queueapp_job WHERE name = %s)",
            [seconds, name],
        )


def test_a_prediction_is_compared_with_the_start_that_follows_however_the_job_ends() -> None:
    ada = make_owner("ada")
    submit_jobs(ada, "first", "second", "third", "cancelled", duration=30.0)
    processor = register("c").pk
    first = take_turn(processor)
    predictions = Predictions()
    for _ in range(30):  # each remembers PER_LOOK of the three that wait
        look(predictions)
    waiting = {job.name: job.pk for job in Job.objects.exclude(name="first")}
    assert sorted(predictions.accuracy.open) == sorted(waiting.values())
    settle(processor, first)
    second = take_turn(processor)
    assert cancel(Job.objects.get(name="cancelled"))
    look(predictions)
    assert predictions.accuracy.open == [waiting["third"]], "one runs, and one never will"
    settle(Processor.objects.get(turn=second.number).pk, second)
    look(predictions)
    assert sum(map(len, predictions.accuracy._found.values())) == 1


def test_a_look_at_the_same_fleet_changes_nothing() -> None:
    submit_jobs(make_owner("ada"), *(f"{n}" for n in range(50)), duration=30.0)
    take_turn(register("c").pk)
    predictions, fleet = Predictions(), fleet_now(database_now())
    predictions.look(fleet)
    before = predictions.accuracy.open
    predictions.look(fleet)
    assert predictions.accuracy.open == before
    assert len(before) == PER_LOOK
