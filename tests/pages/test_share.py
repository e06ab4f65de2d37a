"""One job, shared by a link: who has it sees what the owner chose, until it ends, and nothing else."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.db.models import F
from django.test import Client

from queueapp.lifecycle.maintenance.prune import prune
from queueapp.lifecycle.processors import register
from queueapp.lifecycle.shares import MAX_SHARES, find_share, share
from queueapp.lifecycle.turn import take_turn
from queueapp.models import Job, JobReport, JobShare, Outcome
from queueapp.pages import share as page
from queueapp.states import Status
from tests.kit.queue import everyone_takes_turns, make_user, outcome, submit_jobs

pytestmark = pytest.mark.django_db
SECRETS = {"payload": "SECRET-PAYLOAD", "text": "SECRET-TEXT", "result": "SECRET-RESULT"}


@pytest.fixture
def ada() -> Any:
    everyone_takes_turns()
    return make_user("ada")


@pytest.fixture
def owner(ada: Any) -> Client:
    """Ada's browser. She has a job, "задача"."""
    client = Client()
    client.force_login(ada)
    job = {"job_id": "задача", "duration": 1, "task": "poster", "payload": {"title": SECRETS["payload"], "copies": 1}}
    client.post("/api/v1/jobs/", job, content_type="application/json")
    return client


def make(owner: Client, *shows: str, life: str = "1") -> str:
    """Make a link by the page, and return its path."""
    answer = owner.post("/jobs/задача/", {"do": "share", "life": life, "shows": shows})
    found = re.search(r'value="http://testserver(/shared/[^"]+/)"', answer.text)
    assert found is not None, answer.text
    return found[1]


def look(path: str) -> Any:
    """Look at a link as somebody who has no account."""
    return Client().get(path)


def said(answer: Any) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", "", answer.text)).split())


def end(status: Status = Status.SUCCEEDED) -> None:
    """Run the job, which leaves a secret wherever it can."""
    processor = register("c").pk
    turn = take_turn(processor)
    text = SECRETS["text"]
    came = replace(
        outcome(turn.jobs[0], 1.5), status=status, result=f'"{SECRETS["result"]}"', message=text, log=text,
        error=text if status is Status.FAILED else "",
    )  # fmt: skip
    take_turn(processor, turn.number, [came], now=time.monotonic(), more=False)
    JobReport.objects.create(job_id=turn.jobs[0].id, attempt=1, stages=[[f"stage {text}", 0.5]], note=f"note {text}")


def test_a_link_shows_the_job_from_its_wait_to_its_end_without_an_account(owner: Client) -> None:
    path = make(owner)
    waits = look(path)
    assert "задача" in said(waits)
    assert "queued" in said(waits)
    assert "Waits at position 1" in said(waits)
    assert "data-ended" not in waits.text
    end()
    ended = look(path)
    assert "succeeded" in said(ended)
    assert "Attempt 1 succeeded" in said(ended)
    assert "1.5 s of 1 s declared" in said(ended)
    assert "data-ended" in ended.text


@pytest.mark.parametrize("status", [Status.SUCCEEDED, Status.FAILED])
@pytest.mark.parametrize("shows", [(), ("payload",), ("result",), ("text",), ("payload", "result", "text")])
def test_a_link_shows_no_more_than_was_ticked(owner: Client, shows: tuple[str, ...], status: Status) -> None:
    path = make(owner, *shows)
    end(status)
    text = look(path).text
    seen = {name for name, secret in SECRETS.items() if secret in text}
    assert seen == set(shows)
    assert all((f"{part} {SECRETS['text']}" in text) == ("text" in shows) for part in ("stage", "note"))
    assert "poster" not in text  # nor the task
    assert "ada" not in re.sub("data-|adapt", "", said(look(path)))  # nor whose it is


def test_the_page_is_for_nobodys_index_keeps_no_cookie_and_tells_no_other_site_its_address(owner: Client) -> None:
    path = make(owner)
    for client in (Client(), owner):  # the same for somebody who is logged in
        answer = client.get(path)
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"
        assert "no-store" in answer.headers["Cache-Control"]
        assert "Cookie" not in answer.headers.get("Vary", "")
        assert not answer.cookies
        assert "Log out" not in answer.text


def test_only_the_hash_of_a_secret_is_kept(owner: Client) -> None:
    path = make(owner)
    assert owner.get("/jobs/задача/").text.count("Revoke") == 1
    assert path not in owner.get("/jobs/задача/").text
    row = JobShare.objects.values().get()
    assert path.split("/")[2] not in str(row)


def test_whatever_is_no_link_is_answered_alike(owner: Client, ada: Any) -> None:
    answers = set()

    def gone(path: str) -> None:
        answer = look(path)
        answers.add((answer.status_code, answer.text))

    gone("/shared/wrong/")
    gone(f"/shared/{'x' * 43}/")
    revoked = make(owner)
    owner.post("/jobs/задача/", {"do": "unshare", "link": JobShare.objects.get().pk})
    gone(revoked)
    expired = make(owner)
    JobShare.objects.update(expires_at=F("created_at"))
    gone(expired)
    lonely = make(owner)
    ada.is_active = False
    ada.save()
    gone(lonely)
    ada.is_active = True
    ada.save()
    assert look(lonely).status_code == 200
    end()
    Outcome.objects.update(finished_at=F("finished_at") - timedelta(days=1_000))
    assert prune() == 1
    gone(lonely)
    assert not JobShare.objects.exists()
    assert {status for status, _ in answers} == {404}
    assert len(answers) == 1


def test_a_link_is_the_owners_to_make_and_to_revoke(owner: Client) -> None:
    make(owner)
    link = JobShare.objects.get().pk
    submit_jobs(bob := make_user("bob"), "задача", "own")
    thief = Client()
    thief.force_login(bob)
    assert thief.post("/jobs/own/", {"do": "unshare", "link": link}).status_code == 302  # none of that job
    boss = Client()
    boss.force_login(make_user("boss", is_staff=True))
    assert boss.post("/jobs/задача/?user=ada", {"do": "share", "life": "1"}).status_code == 403
    assert "Make a link" not in boss.get("/jobs/задача/?user=ada").text
    assert JobShare.objects.filter(pk=link).exists()
    for text in ("", "x", "9" * 30, "-1"):
        assert owner.post("/jobs/задача/", {"do": "unshare", "link": text}).status_code == 404


@pytest.mark.parametrize("given", [{"life": "9999"}, {"life": ""}, {"life": "1", "shows": ["everything"]}])
def test_what_cannot_be_chosen_makes_no_link(owner: Client, given: dict[str, Any]) -> None:
    answer = owner.post("/jobs/задача/", {"do": "share", **given})
    assert answer.status_code == 400
    assert "Choose how long the link works" in answer.text
    assert not JobShare.objects.exists()


def test_a_job_has_so_many_links_and_expired_ones_make_room(owner: Client) -> None:
    job = Job.objects.get()
    for _ in range(MAX_SHARES):
        share(job, [], timedelta(hours=1))
    answer = owner.post("/jobs/задача/", {"do": "share", "life": "1"})
    assert answer.status_code == 409
    assert "at most 20 links" in said(answer)
    JobShare.objects.update(expires_at=F("created_at"))
    assert find_share(make(owner).split("/")[2]) is not None
    assert JobShare.objects.count() == 1


def test_looks_are_bounded_by_address_and_by_link(owner: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    path, other = make(owner), make(owner)
    monkeypatch.setattr(page, "LOOKS_PER_MINUTE", 3)
    answers = [look(path) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert int(answers[3].headers["Retry-After"]) > 0
    elsewhere = Client(REMOTE_ADDR="192.0.2.7")
    assert elsewhere.get(path).status_code == 429  # of this link
    assert elsewhere.get(other).status_code == 200
    assert look("/shared/wrong/").status_code == 429  # of this address: nobody learns from it
