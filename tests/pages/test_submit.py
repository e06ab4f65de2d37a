"""The form that is made of a task's signature, without a browser."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from queueapp.lifecycle.processors import register
from queueapp.models import Job, Owner, TaskTotal, database_now
from queueapp.pages.submit import duration_text, typical_sentence
from queueapp.snapshots.typical import MIN_RUNS, MIN_RUNS_OF_ALL, Typical, typical
from tests.kit.queue import everyone_takes_turns, make_owner, make_user, rows_read, run_all, submit_jobs

pytestmark = pytest.mark.django_db
GOOD = {
    "job_id": "p-1",
    "duration": "2,5",
    "payload.title": "Fair play",
    "payload.copies": "3",
    "payload.colour": "true",
}


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(make_user("ada"))
    return client


def page(client: Client, task: str = "poster") -> str:
    return client.get("/submit/", {"task": task}).content.decode()


def send(client: Client, **fields: str) -> Any:
    return client.post("/submit/?task=poster", GOOD | {f"payload.{name}": text for name, text in fields.items()})


def element(text: str, name: str) -> str:
    """The field of an argument, as HTML."""
    found = re.search(
        rf'<div class="field">(?:(?!<div class="field">).)*id="payload\.{name}".*?</div>', text, re.DOTALL
    )
    assert found is not None, name
    return found[0]


def test_each_argument_has_a_field_of_its_type_with_its_default_and_help(client: Client) -> None:
    text = page(client)
    assert "Print a poster." in text
    assert " required" not in element(text, "title")  # an empty text is a text
    assert "What stands on it." in element(text, "title")
    copies = element(text, "copies")
    assert 'inputmode="numeric"' in copies
    assert " required" in copies
    assert "How many are printed. (at least 1, at most 500)" in copies
    assert 'value="1.5"' in element(text, "scale")
    assert "Of the picture." in element(text, "scale")
    assert '<option value="&quot;A4&quot;" selected>A4</option>' in element(text, "paper")
    assert " checked" in element(text, "colour")
    assert '<option value="true">yes</option>' in element(text, "fold")
    assert 'value="No note."' in element(text, "note")
    assert "<textarea" in element(text, "sizes")
    assert "<textarea" in element(text, "anything")
    assert 'name="payload"' in text  # of **options
    assert 'name="payload.payload"' in text  # of an argument of that name
    assert "payload.job" not in text  # the context is given by the processor


def test_what_is_left_empty_is_left_to_the_task(client: Client) -> None:
    assert send(client).url == "/jobs/p-1/"
    job = Job.objects.get()
    assert (job.payload, job.duration) == (
        {"title": "Fair play", "copies": 3, "colour": True, "note": ""}, 2.5,
    )  # fmt: skip


def test_each_field_is_sent_as_its_type(client: Client) -> None:
    sizes = {
        "sizes": "[1, 2]",
        "anything": '"x"',
        "fold": "false",
        "paper": '"A3"',
        "scale": "2",
        "note": "a\r\nb",
        "payload": "p",
    }
    assert (
        client.post(
            "/submit/?task=poster", GOOD | {f"payload.{k}": v for k, v in sizes.items()} | {"payload": '{"ink": "red"}'}
        ).status_code
        == 302
    )
    assert Job.objects.get().payload == {
        "title": "Fair play", "copies": 3, "colour": True, "sizes": [1, 2], "anything": "x", "fold": False,
        "paper": "A3", "scale": 2.0, "note": "a\nb", "ink": "red",
        "payload": "p",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "name", "message"),
    [
        ({"copies": "many"}, "copies", "give a whole number, such as 12"),
        ({"copies": ""}, "copies", "is needed"),
        ({"copies": "501"}, "copies", "less than or equal to 500"),
        ({"copies": "9" * 400}, "copies", "less than or equal to 500"),  # no float is so large
        ({"scale": "1;5"}, "scale", "give a number, such as 12.5"),
        ({"scale": "inf"}, "scale", "give a number, such as 12.5"),
        ({"paper": '"A5"'}, "paper", "&#x27;A4&#x27; or &#x27;A3&#x27;"),
        ({"sizes": "[1, 2"}, "sizes", "is not JSON"),
        ({"sizes": '["a"]'}, "sizes", "valid integer (0)"),
        ({"sizes": "[" * 60 + "]" * 60}, "sizes", "is nested more than 50 deep"),
    ],
)
def test_an_error_stands_at_its_field_and_nothing_is_lost(
    client: Client, fields: dict[str, str], name: str, message: str
) -> None:
    refused = send(client, **fields)
    assert refused.status_code == 400
    text = refused.content.decode()
    assert message in element(text, name)
    assert 'aria-invalid="true" autofocus' in element(text, name)
    assert 'value="Fair play"' in element(text, "title")
    assert 'value="p-1"' in text
    assert not Job.objects.exists()


def test_the_button_pressed_twice_makes_one_job_and_another_job_of_its_name_none(client: Client) -> None:
    assert send(client).url == send(client).url
    assert Job.objects.count() == 1
    refused = send(client, title="Another")
    assert refused.status_code == 400
    assert "is the name of another job of yours" in refused.content.decode()


@pytest.mark.parametrize("task", ["nothing", "queueapp.django_tasks", "a\nb"])
def test_a_task_that_no_user_can_name_has_no_form(client: Client, task: str) -> None:
    assert client.get("/submit/", {"task": task}).status_code == 404


def ended(owner: Owner, seconds: list[float]) -> None:
    """Jobs of the owner that have taken so long."""
    everyone_takes_turns()
    first = Job.objects.filter(owner=owner).count()
    for n, spent in enumerate(seconds, first):
        submit_jobs(owner, f"run-{n}")
        run_all(register("c").pk, spent)


def test_a_usual_duration_is_of_ones_own_last_runs_and_stands_in_for_an_empty_one(client: Client) -> None:
    ada, bob = make_owner("adam"), make_owner("bob")
    ended(bob, [900.0] * MIN_RUNS)
    assert typical(ada.pk, "wait") is None  # what others take is nobody's business
    ended(ada, [10.0, 20.0, 30.0, 40.0])
    assert typical(ada.pk, "wait") is None
    ended(ada, [50.0])
    found = typical(ada.pk, "wait")
    assert found == Typical(14.0, 30.0, 46.0, 5)
    assert typical(ada.pk, "poster") is None
    client.force_login(ada.user)  # type: ignore[arg-type]
    text = page(client, "wait")
    assert "Usually 14 s to 46 s (your last 5 runs)." in text
    assert 'value="30"' in text
    assert client.post("/submit/?task=wait", {"job_id": "next", "duration": ""}).status_code == 302
    assert Job.objects.get(name="next").duration == 30.0


def test_all_users_runs_are_told_as_an_average_over_many() -> None:
    ada = make_owner("ada")
    totals = TaskTotal(width=21_600, task="wait", begin=database_now(), failed=0, cancelled=0, retried=0)
    totals.succeeded, totals.spent = MIN_RUNS_OF_ALL - 1, 1_000.0
    totals.save(force_insert=True)
    assert typical(ada.pk, "wait") is None
    TaskTotal.objects.update(succeeded=200)
    found = typical(ada.pk, "wait")
    assert typical_sentence(found) == "About 5 s on average, over the last 30 days of all users."
    assert duration_text(found) == "5"


@pytest.mark.parametrize("statistics", ["none", "of empty tables", "true"])
def test_a_usual_duration_reads_a_bounded_number_of_rows_whatever_the_statistics_say(statistics: str) -> None:
    ada = make_owner("ada")
    with connection.cursor() as cursor:
        if statistics == "of empty tables":
            cursor.execute("ANALYZE queueapp_outcome; ANALYZE queueapp_job")
        cursor.execute(
            "INSERT INTO queueapp_job (owner_id, name, task, payload, duration, submitted_at)"
            " SELECT %s, 'j' || n, CASE n %% 2 WHEN 0 THEN 'wait' ELSE 'poster' END, '{}', 1, now()"
            " FROM generate_series(1, 20000) n",
            [ada.pk],
        )
        cursor.execute(
            "INSERT INTO queueapp_outcome (job_id, owner_id, number, status, attempt, finished_at, time_spent,"
            " progress, message, error) SELECT id, %s, id, 'succeeded', 1, now(), 1, 1, '', '' FROM queueapp_job",
            [ada.pk],
        )
        if statistics == "true":
            cursor.execute("ANALYZE queueapp_outcome; ANALYZE queueapp_job")
    before = rows_read("queueapp_job", "queueapp_outcome")
    assert typical(ada.pk, "wait") == Typical(1.0, 1.0, 1.0, 200)
    assert rows_read("queueapp_job", "queueapp_outcome") - before <= 3_000
