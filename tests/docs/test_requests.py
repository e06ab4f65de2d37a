"""Every request of the documentation is sent, and every answer has the form that is shown."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from pythonjsonlogger.json import JsonFormatter

from queueapp import JobContext, JobFailed, registry, task
from queueapp.lifecycle.autoscaler import Autoscaler
from queueapp.lifecycle.fleet import join
from queueapp.lifecycle.pause import pause
from queueapp.lifecycle.webhooks import NewWebhook, make_webhook
from queueapp.models import Job, Owner
from queueapp.notices.webhooks import DELIVERY
from queueapp.policy.autoscale import Bounds
from queueapp.testing import run_jobs
from queueapp.workers.completed import send_completed
from tests.docs.exchanges import Exchange, abridged, differences, exchanges
from tests.kit.examples import Examples, blocks_of, pages
from tests.kit.queue import everyone_takes_turns, make_user

pytestmark = pytest.mark.django_db


class Reader:
    """A member of the staff who sends what the documentation shows, to addresses below the API's or to whole ones."""

    def __init__(self, name: str) -> None:
        self.browser = Client()
        self.browser.force_login(make_user(name, is_staff=True, is_superuser=True))

    def send(self, method: str, path: str, body: Any = None) -> Any:
        address = path if path.startswith("/") else f"/api/v1/{path}"
        return self.browser.generic(method, address, json.dumps(body), content_type="application/json")

    def get(self, path: str) -> Any:
        return self.send("GET", path).json()

    def submit(self, shown: Any) -> None:
        answer = self.send("POST", "jobs/", shown)
        assert answer.status_code == 201, answer.content

    def exchange(self, one: Exchange) -> None:
        """Send the request, and check the answer."""
        body = one.body
        if one.method == "POST" and "..." in body:
            body = {"duration": 0.001} | {name: value for name, value in body.items() if name != "..."}
        answer = self.send(one.method, one.path, body)
        assert answer.status_code == (one.status or 200), answer.content
        if one.answer is not None:
            assert not list(differences(one.answer, answer.json())), one


@pytest.fixture(autouse=True)
def tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tasks that the pages name: `resize` is the reader's, `report` fails, and `frames` says something."""
    monkeypatch.setattr(registry, "_tasks", {name: task for name, task in registry._tasks.items() if name != "report"})
    everyone_takes_turns()

    @task("report", max_attempts=1)
    def report(job: JobContext) -> None:
        raise JobFailed("There are no figures.")

    @task("frames")
    def frames(job: JobContext) -> None:
        job.stage("load")
        job.log("frame 1")
        job.note("**2** frames")


@pytest.mark.examples("*", "http")
def test_the_requests_are_answered_as_shown(examples: Examples) -> None:
    Reader("ada").submit({"job_id": "somebody-elses", "duration": 1})
    for number, block in enumerate(examples):
        reader = Reader(f"reader-{number}")
        reader.submit({"job_id": "render-7", "task": "frames", "duration": 0.001})
        if block.heading != "Why a job waits":
            run_jobs()
        with block.noted():
            for one in exchanges(block.code):
                reader.exchange(one)


def accepted(reader: Reader, shown: Any) -> None:
    reader.submit(shown)


def refused_bulk(reader: Reader, shown: Any) -> None:
    jobs = [{"job_id": f"j-{number}", "duration": 1} for number in range(10_001)]
    assert reader.send("POST", "jobs/bulk/", {"jobs": jobs}).json().items() >= shown.items()


def refused_field(reader: Reader, shown: Any) -> None:
    job = {"job_id": "j", "duration": 1, "task": "resize", "payload": {"width": "wide", "height": 1}}
    assert reader.send("POST", "jobs/", job).json() == shown


def queue_has(reader: Reader, shown: Any) -> None:
    assert not list(differences(shown | {"...": None}, reader.get("queue/")))


def paused(reader: Reader, shown: Any) -> None:
    reader.submit({"job_id": "r", "duration": 1, "task": "resize", "payload": {"width": 1, "height": 1}})
    pause("maintenance", task="resize")
    assert reader.get("queue/").items() >= shown.items()


def fleet(reader: Reader, shown: Any) -> None:
    join("here", Bounds(1, 8))
    reader.send("POST", "jobs/bulk/", {"jobs": [{"job_id": f"j-{number}", "duration": 1} for number in range(9)]})
    Autoscaler("here").look()
    real = reader.get("fleet/")
    assert real["decisions"]
    assert not list(differences(shown, real))


def one_job(reader: Reader, shown: Any) -> None:
    reader.submit({"job_id": shown["job_id"], "duration": 0.001})
    run_jobs()
    real = reader.get(f"jobs/{shown['job_id']}/")
    assert real.items() >= {name: shown[name] for name in ("status", "task", "payload", "attempts", "error")}.items()
    assert not list(differences(shown, real))


def cancels(reader: Reader, shown: Any) -> None:
    reader.submit({"job_id": f"{shown['prefix']}1", "duration": 1})
    assert reader.send("POST", "jobs/cancel/", shown).json()["cancelled"] == 1


def moves(reader: Reader, shown: Any) -> None:
    reader.submit({"job_id": f"{shown['prefix']}1", "duration": 1})
    assert reader.send("POST", "jobs/move/", shown).json()["moved"] == 1


def message(reader: Reader, shown: Any) -> None:
    owner = Owner.objects.of_user(make_user("hooked"))
    make_webhook(owner, NewWebhook(url="http://127.0.0.1:1/"))
    reader.submit({"job_id": "render-7", "duration": 0.001, "user": "hooked"})
    run_jobs()
    while send_completed():
        pass
    [body] = Job.objects.filter(task=DELIVERY).values_list("payload__body", flat=True)
    real = json.loads(body)
    assert real["type"] == shown["type"]
    assert not list(differences(shown | {"data": shown["data"] | {"...": None}}, real))


def line_of_the_log(reader: Reader, shown: Any) -> None:
    lines: list[str] = []
    given: Any = settings.LOGGING["formatters"]
    options = {name: value for name, value in given["json"].items() if name != "()"}
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter(**options))
    handler.emit = lambda record: lines.append(handler.format(record))  # type: ignore[method-assign]
    logger = logging.getLogger(shown["logger"])
    logger.addHandler(handler)
    try:
        reader.submit({"job_id": "report-7", "duration": 0.001, "task": "report"})
        run_jobs()
    finally:
        logger.removeHandler(handler)
    [real] = map(json.loads, lines)
    assert real["message"].startswith(shown["message"].removesuffix("..."))
    assert not list(differences(shown, real))


SHOWN: dict[str, list[Callable[[Reader, Any], None]]] = {
    "docs/decisions/0001-no-priority-inside-a-flow.md": [accepted],
    "docs/guides/limits-and-quotas.md": [refused_bulk],
    "docs/guides/rules-and-pauses.md": [queue_has, paused],
    "docs/guides/scale.md": [fleet],
    "docs/guides/users-and-keys.md": [accepted],
    "docs/guides/watch.md": [line_of_the_log],
    "docs/guides/webhooks.md": [message],
    "docs/reference/api.md": [accepted, one_job, cancels, moves, refused_field],
}
"""What each block of JSON is, page by page."""


@pytest.mark.examples("*", "json")
@pytest.mark.parametrize("page", SHOWN)
@pytest.mark.django_db(transaction=True)
def test_each_json_is_accepted_or_given(page: str, examples: Examples) -> None:
    for number, (block, check) in enumerate(zip(examples, SHOWN[page], strict=True)):
        with block.noted():
            check(Reader(f"reader-{number}"), abridged(block.code))


def test_each_page_with_json_is_among_them() -> None:
    assert set(SHOWN) == {page for page in pages() if blocks_of(page, "json")}
