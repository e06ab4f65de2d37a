"""E-mail digests: what they say, when they are due, and that nothing is sent twice or left out."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from pytest_django import Settings

from queueapp.lifecycle.submit import submit
from queueapp.lifecycle.validation import parse
from queueapp.models import Digest, Job, Owner, database_now
from queueapp.notices.digests import DIGEST, submit_due
from queueapp.testing import run_jobs
from tests.kit.queue import everyone_takes_turns, make_user, submit_jobs

pytestmark = pytest.mark.django_db
ADDRESS = "ada@example.org"


@pytest.fixture
def browser() -> Client:
    """The browser of a user with an address, who has chosen a digest each hour."""
    everyone_takes_turns()
    opened = Client()
    opened.force_login(make_user("ada", email=ADDRESS))
    submit_jobs(Owner.objects.of_user(user()), "before", duration=0.001)
    run_jobs()
    assert opened.post("/notices/digest/", {"period": "hourly"}).status_code == 302
    return opened


def user() -> Any:
    from django.contrib.auth import get_user_model

    return get_user_model()._default_manager.get()


def an_hour_passes() -> int:
    """Let the digest become due, submit and send it. Return how many were due."""
    Digest.objects.update(next_at=database_now())
    many = submit_due()
    run_jobs()
    return many


def finish(**jobs: str) -> None:
    """Run jobs of these tasks to their ends."""
    owner = Owner.objects.get(user=user())
    payload = {"says": {"text": "disk full"}}
    submit(
        owner,
        [
            parse({"job_id": name, "task": task, "payload": payload.get(task, {}), "duration": 0.001})
            for name, task in jobs.items()
        ],
    )
    run_jobs()


def test_a_digest_counts_what_ended_since_the_last_and_links_what_failed(browser: Client) -> None:
    finish(one="wait", two="wait", bad="says")
    assert an_hour_passes() == 1
    (sent,) = mail.outbox
    assert (sent.to, sent.subject) == ([ADDRESS], "3 jobs have ended, 1 failed")
    assert "3 of your jobs have ended since the last digest: 2 succeeded, 1 failed." in sent.body
    links = re.findall(r"http://testserver(\S+)", str(sent.body))
    assert links == ["/jobs/bad/", "/notices/"]
    assert [browser.get(link).status_code for link in links] == [200, 200]
    assert "You get this once an hour, if a job has ended." in sent.body
    finish(three="wait")
    an_hour_passes()
    assert [one.subject for one in mail.outbox[1:]] == ["1 job has ended"]


def test_a_digest_is_in_the_language_of_the_site(browser: Client, settings: Settings) -> None:
    settings.LANGUAGE_CODE = "de"
    finish(one="wait", bad="says")
    an_hour_passes()
    (sent,) = mail.outbox
    assert sent.subject == "2 Aufträge sind beendet, 1 fehlgeschlagen"
    assert "seit der letzten Übersicht beendet: 1 erfolgreich, 1 fehlgeschlagen." in sent.body
    assert "Sie erhalten dies einmal pro Stunde" in sent.body


def test_if_nothing_ended_nothing_is_sent_and_the_digests_own_jobs_do_not_count(browser: Client) -> None:
    an_hour_passes()
    an_hour_passes()
    assert mail.outbox == []
    assert Job.objects.filter(task=DIGEST).count() == 2
    assert "queueapp:digests" not in browser.get("/jobs/").content.decode()


def test_one_is_due_once_a_period_and_missed_periods_are_left_out(browser: Client) -> None:
    finish(one="wait")
    assert submit_due() == 0, "not before an hour is over"
    due = database_now() - timedelta(hours=30, minutes=10)
    Digest.objects.update(next_at=due)
    assert (submit_due(), submit_due()) == (1, 0)
    assert Digest.objects.get().next_at == due + timedelta(hours=31)
    run_jobs()
    assert len(mail.outbox) == 1


def test_what_could_not_be_sent_is_in_the_next_digest(browser: Client, settings: Settings) -> None:
    finish(one="wait")
    settings.EMAIL_BACKEND, there = "django.core.mail.backends.smtp.EmailBackend", settings.EMAIL_BACKEND
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    an_hour_passes()
    job = Job.objects.get(task=DIGEST)
    assert (job.status, job.attempts.count()) == ("failed", 3)
    assert "ConnectionRefusedError" in job.outcome.error
    settings.EMAIL_BACKEND = there
    finish(two="wait")
    an_hour_passes()
    assert [one.subject for one in mail.outbox] == ["2 jobs have ended"]


@pytest.mark.parametrize("fields", [{"is_active": False}, {"email": ""}])
def test_nobody_without_an_address_or_an_account_gets_one(browser: Client, fields: dict[str, Any]) -> None:
    finish(one="wait")
    type(user())._default_manager.update(**fields)
    an_hour_passes()
    assert mail.outbox == []


def test_it_is_off_until_it_is_chosen_and_the_page_says_what_is_missing(browser: Client, settings: Settings) -> None:
    page = browser.get("/notices/").content.decode()
    assert '<option value="hourly" selected>' in page
    browser.post("/notices/digest/", {"period": "daily"})
    assert Digest.objects.get().period == "daily"
    browser.post("/notices/digest/", {"period": ""})
    assert not Digest.objects.exists()
    assert '<option value="" selected>never' in browser.get("/notices/").content.decode()
    type(user())._default_manager.update(email="")
    assert "Your account has no e-mail address." in browser.get("/notices/").content.decode()
    settings.QUEUEAPP = settings.QUEUEAPP | {"DIGESTS": False}
    assert "This site sends no e-mail." in browser.get("/notices/").content.decode()
    assert browser.post("/notices/digest/", {"period": "daily"}).status_code == 404
