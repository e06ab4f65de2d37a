"""What the backend has beyond the interface: owners, names of jobs, transactions, attempts; and what it refuses."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.test import Client
from django_tasks import TaskResultStatus, task, task_backends
from django_tasks.exceptions import InvalidTaskError, TaskResultDoesNotExist
from django_tasks.signals import task_enqueued, task_finished, task_started

import queueapp
from queueapp.django_tasks import FairBackend, FairTask
from queueapp.django_tasks.ids import LONGEST_JOB_ID, read_id, result_id
from queueapp.django_tasks.results import as_error
from queueapp.errors import InvalidSubmission, JobConflict
from queueapp.handle import Job as Handle
from queueapp.models import Job, Owner
from queueapp.testing import jobs_inline, run_jobs
from tests.django_tasks import tasks
from tests.kit.queue import make_user

pytestmark = pytest.mark.django_db
add: Any = tasks.add
"""For the type checker the decorator makes a task of Django's own, whose using() takes less."""


def with_options(**options: Any) -> dict[str, Any]:
    """Return settings in which the backend has these OPTIONS."""
    return settings.TASKS | {"default": {"BACKEND": "queueapp.django_tasks.FairBackend", "OPTIONS": options}}


def test_a_priority_is_refused_with_the_reason() -> None:
    with pytest.raises(InvalidTaskError, match="decided by the rules of the staff"):
        add.using(priority=5)


def test_a_task_says_whose_job_it_is_how_long_it_takes_and_its_name() -> None:
    ada = make_user("ada")
    for owner, name in ((ada, "ada"), ("team-blue", "team-blue")):
        result = add.using(owner=owner, duration=2.5, job_id="sum-1").enqueue(1, 2)
        job = Job.objects.get(owner=Owner.objects.named([name])[name])
        assert (job.name, job.duration, job.task) == ("sum-1", 2.5, "tests.django_tasks.tasks.add")
        assert job.payload == {"args": [1, 2], "kwargs": {}}
        run_jobs()
        assert add.get_result(result.id).return_value == 3
    assert queueapp.get(ada, "sum-1").result == 3


def test_the_page_of_such_a_job_offers_no_form_that_would_be_refused(client: Client) -> None:
    ada = make_user("ada")
    add.using(owner=ada, job_id="sum-1").enqueue(1, 2)
    queueapp.submit(ada, "wait", duration=1, job_id="plain")
    client.force_login(ada)
    offers = ['data-testid="again"' in client.get(f"/jobs/{job}/").content.decode() for job in ("sum-1", "plain")]
    assert offers == [False, True]


def test_a_task_of_nobodys_has_the_key_of_the_backend_and_the_duration_of_the_options() -> None:
    add.enqueue(1, 2)
    job = Job.objects.get()
    assert (job.key, job.duration) == ("django-tasks", 0.001)


@pytest.mark.parametrize("owner", [tasks.owner_of_order, "tests.django_tasks.tasks.owner_of_order"])
def test_the_project_says_by_a_callable_whose_job_it_is(owner: Any, settings: Any) -> None:
    settings.TASKS = with_options(OWNER=owner)
    add.enqueue(7, 2)
    add.using(owner="team-blue").enqueue(7, 2)
    assert [job.key for job in Job.objects.order_by("pk")] == ["tenant-7", "team-blue"]
    with pytest.raises(InvalidTaskError, match=r"OWNER returned None for tests\.django_tasks\.tasks\.add"):
        add.enqueue(0, 0)


def test_the_same_job_id_is_the_same_job_and_is_told_once() -> None:
    told: list[str] = []

    def receive(task_result: Any, **_: Any) -> None:
        told.append(task_result.id)

    task_enqueued.connect(receive)
    once = add.using(job_id="once")
    first = once.enqueue(1, 2)
    run_jobs()
    again = once.enqueue(1, 2)
    assert (again.id, again.status, again.return_value) == (first.id, TaskResultStatus.SUCCESSFUL, 3)
    assert told == [first.id]
    with pytest.raises(JobConflict):
        once.enqueue(1, 3)
    assert Job.objects.count() == 1


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"job_id": "x" * (LONGEST_JOB_ID + 1)}, "job_id: has 37 characters; at most 36 are taken"),
        ({"job_id": "a/b"}, "job_id: use letters"),
        ({"duration": -1.0}, "duration: must be at least"),
        ({"duration": float("nan")}, "duration: "),
    ],
)
def test_wrong_terms_are_refused_in_words(terms: Any, words: str) -> None:
    with pytest.raises(InvalidTaskError, match=words):
        add.using(**terms).enqueue(1, 2)
    assert not Job.objects.exists()


def test_an_argument_that_cannot_be_stored_is_named() -> None:
    with pytest.raises(TypeError, match=r"Argument right of tests\.django_tasks\.tasks\.add cannot be stored as JSON"):
        add.enqueue(1, right=datetime.now(UTC))
    for value in (float("nan"), "a\x00b", "\ud800"):
        with pytest.raises(InvalidTaskError, match="payload: has "):
            add.enqueue(1, value)
    assert not Job.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_task_of_a_transaction_is_there_if_and_only_if_it_commits() -> None:
    with transaction.atomic():
        lost = add.enqueue(1, 2)
        assert add.get_result(lost.id).status == TaskResultStatus.READY
        transaction.set_rollback(True)
    with pytest.raises(TaskResultDoesNotExist):
        lost.refresh()
    with transaction.atomic():
        kept = add.enqueue(1, 2)
    run_jobs()
    kept.refresh()
    assert kept.return_value == 3


def test_no_request_and_no_submit_can_name_a_task_of_djangos(client: Client) -> None:
    """It was written for the project's own calls: nothing checks its arguments."""
    name = add.module_path
    client.force_login(make_user("ada"))
    job: dict[str, Any] = {"job_id": "mine", "duration": 1, "task": name, "payload": {"args": [1, 2], "kwargs": {}}}
    for address, body in (("jobs/", job), ("jobs/bulk/", {"jobs": [job]})):
        answer = client.post(f"/api/v1/{address}", json.dumps(body), content_type="application/json")
        assert answer.status_code == 400, answer.content
        assert "there is no such task; there are: " in answer.json()["errors"][0]["message"]
    assert name not in client.get("/api/v1/schema/").content.decode()
    with pytest.raises(InvalidSubmission):
        queueapp.submit("team-blue", name, job["payload"], duration=1.0)
    assert not Job.objects.exists()


def test_its_owner_cannot_run_it_again_with_other_arguments(client: Client) -> None:
    ada = make_user("ada")
    add.using(owner=ada, job_id="sum-1").enqueue(1, 2)
    client.force_login(ada)
    page = client.get("/jobs/sum-1/").content.decode()
    assert add.module_path in page
    form = {"job_id": "sum-2", "task": add.module_path, "duration": "1", "payload": '{"args": [3, 4], "kwargs": {}}'}
    answer = client.post("/jobs/sum-1/", {"do": "run", **form})
    assert (answer.status_code, "there is no such task" in answer.content.decode()) == (400, True)
    assert Job.objects.count() == 1


def test_staff_can_pause_it_by_its_name(client: Client) -> None:
    client.force_login(make_user("boss", is_staff=True, is_superuser=True))
    assert f'value="{add.module_path}"' in client.get("/admin/queueapp/pause/add/").content.decode()
    assert add.module_path not in client.get("/").content.decode()


def test_an_id_cannot_be_guessed_even_if_the_name_of_the_job_is_known(settings: Any) -> None:
    result = add.using(owner="team-blue", job_id="invoice-7").enqueue(1, 2)
    add.using(owner="team-blue", job_id="invoice-8").enqueue(1, 2)
    owner, name, signature = result.id.split(".")
    assert (name, len(result.id) < 64) == ("invoice-7", True)
    for forged in (
        f"{owner}.invoice-8.{signature}",
        f"{owner}.invoice-7.{'A' * 12}",
        f"{owner}.invoice-7",
        f"0{result.id}",
        f"{result.id}=",
        f"{result.id}\n",
    ):
        with pytest.raises(TaskResultDoesNotExist):
            add.get_result(forged)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "the next key of the site"
    assert add.get_result(result.id).args == [1, 2]
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(TaskResultDoesNotExist):
        add.get_result(result.id)


def test_the_longest_id_is_less_than_64_characters() -> None:
    longest = result_id(2**63 - 1, "x" * LONGEST_JOB_ID)
    assert len(longest) == 63
    assert read_id(longest) == (2**63 - 1, "x" * LONGEST_JOB_ID)


def test_who_can_write_to_the_database_runs_no_function_by_it_and_imports_nothing() -> None:
    result = add.using(owner="team-blue", job_id="a").enqueue(1, 2)
    path = "wsgiref.simple_server.demo_app"
    assert "wsgiref.simple_server" not in sys.modules or sys.modules.pop("wsgiref.simple_server")
    with connection.cursor() as cursor:
        for name in (path, "tests.django_tasks.tasks.owner_of_order", "os.getcwd"):
            cursor.execute("UPDATE queueapp_job SET task = %s", [name])
            [job] = run_jobs()
            assert job.status == "failed"
            assert f"There is no task '{name}'" in job.error
            with pytest.raises(TaskResultDoesNotExist):
                add.get_result(result.id)
            job.retry()
    forged = as_error("ServerHandler: x", "Traceback (most recent call last):\nwsgiref.simple_server.ServerHandler: x")
    assert forged.exception_class_path == "wsgiref.simple_server.ServerHandler"
    with pytest.raises(ImportError, match=r"wsgiref\.simple_server, which must be imported before"):
        _ = forged.exception_class
    assert "wsgiref.simple_server" not in sys.modules


def test_a_task_that_no_processor_has_is_refused() -> None:
    """Its module is imported after the start, as a module of views is: a processor would never import it."""
    with pytest.raises(InvalidTaskError, match=r"No processor has .*\._late_one: .* under MODULES"):
        task(_late_one).enqueue()
    assert not Job.objects.exists()


def _late_one() -> None:
    pass


def test_a_module_of_the_options_may_have_tasks_of_another_backend() -> None:
    result = tasks.of_another_backend.using(backend="default").enqueue("word")
    run_jobs()
    result.refresh()
    assert result.return_value == "WORD"


@pytest.fixture
def told() -> Iterator[list[tuple[str, str, int]]]:
    """What the signals of a run told: its name, the status and the attempts."""
    got: list[tuple[str, str, int]] = []

    def started(task_result: Any, **_: Any) -> None:
        got.append(("started", task_result.status, task_result.attempts))
        raise ValueError("a receiver may fail")

    def finished(task_result: Any, **_: Any) -> None:
        got.append(("finished", task_result.status, task_result.attempts))
        raise ValueError("a receiver may fail")

    task_started.connect(started)
    task_finished.connect(finished)
    yield got
    task_started.disconnect(started)
    task_finished.disconnect(finished)


def test_each_attempt_is_recorded_and_only_the_last_one_finishes(told: list[tuple[str, str, int]]) -> None:
    result = tasks.spills.enqueue(2)
    run_jobs()
    result.refresh()
    assert (result.status, result.return_value, result.attempts) == (TaskResultStatus.SUCCESSFUL, "attempt 3", 3)
    assert [error.exception_class for error in result.errors] == [tasks.Spilled, tasks.Spilled]
    assert "attempt 2" in result.errors[1].traceback
    assert result.started_at is not None
    assert result.last_attempted_at is not None
    assert result.started_at < result.last_attempted_at
    assert told == [
        ("started", "RUNNING", 1), ("started", "RUNNING", 2), ("started", "RUNNING", 3), ("finished", "SUCCESSFUL", 3),
    ]  # fmt: skip


def test_a_task_may_run_once_unless_the_options_say_more() -> None:
    result = add.enqueue("one", 2)
    run_jobs()
    result.refresh()
    assert (result.status, result.attempts) == (TaskResultStatus.FAILED, 1)


def test_job_failed_fails_a_task_at_once_whatever_its_words_look_like(told: list[tuple[str, str, int]]) -> None:
    result = tasks.refuses.enqueue()
    run_jobs()
    result.refresh()
    [error] = result.errors
    assert (error.exception_class, error.traceback) == (queueapp.JobFailed, "KeyError: not this one")
    assert told[-1] == ("finished", "FAILED", 1)


def test_a_cancelled_task_has_failed_because_of_it() -> None:
    result = add.using(owner="team-blue", job_id="a").enqueue(1, 2)
    assert queueapp.get("team-blue", "a").cancel()
    result.refresh()
    assert (result.status, result.attempts) == (TaskResultStatus.FAILED, 0)
    assert [error.exception_class for error in result.errors] == [queueapp.JobCancelled]


def test_a_task_reports_progress_by_the_job_of_its_context() -> None:
    result = tasks.half_way.enqueue()
    [job] = run_jobs()
    assert isinstance(job, Handle)
    assert job.data["message"] == "half way"
    result.refresh()
    assert result.return_value == [0.5, 1]


def test_a_task_runs_at_once_in_a_block_of_jobs_inline() -> None:
    with jobs_inline():
        result = add.enqueue(1, 2)
    result.refresh()
    assert result.return_value == 3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"OWNERS": 1}, "there is no OWNERS; there are: DURATION, MAX_ATTEMPTS, MODULES, OWNER."),
        ({"OWNER": "no.such.path"}, "OWNER cannot be imported"),
        ({"OWNER": "tests.django_tasks.tasks.__doc__"}, "OWNER must be a callable"),
        ({"DURATION": "1"}, "DURATION must be a number of seconds above 0, not '1'."),
        ({"DURATION": float("nan")}, "DURATION must be"),
        ({"MAX_ATTEMPTS": 0}, "MAX_ATTEMPTS must be a whole number from 1 on, not 0."),
    ],
)
def test_a_check_names_an_option_that_is_wrong(options: dict[str, Any], words: str) -> None:
    [error] = FairBackend("default", {"OPTIONS": options}).check()
    assert (error.id, words in error.msg) == ("queueapp.E011", True), error


def test_the_backend_of_the_settings_makes_tasks_of_its_own() -> None:
    assert isinstance(task_backends["default"], FairBackend)
    assert isinstance(add, FairTask)
