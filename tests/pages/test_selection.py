"""Many jobs of the page of all jobs, without scripts. test_selection_live.py has them in a browser."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client

from queueapp.lifecycle.processors import register
from queueapp.models import Outcome, Waiting
from queueapp.models.job import PLACE
from queueapp.states import Status
from tests.kit.queue import everyone_takes_turns, make_user, submit_jobs
from tests.pages.test_history import end_all, rows, shown

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Any:
    everyone_takes_turns()
    return make_user("ada")


@pytest.fixture
def page(ada: Any) -> Client:
    client = Client()
    client.force_login(ada)
    return client


def fail(*names: str, ada: Any, error: str = "disk full") -> None:
    """Have these jobs fail."""
    submit_jobs(ada, *names, duration=0.01)
    end_all(register(f"for-{names[0]}").pk, Status.FAILED, error=error)


def send(page: Client, address: str, /, **fields: Any) -> str:
    """Send the form of this page of jobs, as its hidden and its ticked fields say, and say yes. What the page says."""
    answer = page.post(address, fields)
    if answer.status_code == 200:
        sure = answer.content.decode()
        form = re.findall(r'<input type="hidden" name="(sure|all|job)" value="([^"]*)"', sure)
        fields = {"do": fields["do"], **dict(form), "job": [unescape(name) for what, name in form if what == "job"]}
        answer = page.post(address, fields)
    assert answer.status_code == 302, answer.content.decode()
    text = shown(page, answer.headers["Location"])
    said = re.search(r'data-testid="came">([^<]*)<', text)
    assert said is not None
    return unescape(said[1])


def waiting() -> list[str]:
    """The names of all jobs that wait."""
    return sorted(Waiting.objects.values_list("job__name", flat=True))


def in_order() -> list[str]:
    """The same, in the order in which they start."""
    return list(Waiting.objects.order_by(PLACE, "job_id").values_list("job__name", flat=True))


def test_ticked_jobs_are_cancelled_once_that_is_confirmed_and_the_rest_is_counted(ada: Any, page: Client) -> None:
    fail("old", ada=ada)
    submit_jobs(ada, "a", "b", "c")
    sure = page.post("/jobs/?prefix=", {"do": "cancel", "job": ["a", "b", "old"]}).content.decode()
    assert "Cancel 3 jobs?" in sure
    assert waiting() == ["a", "b", "c"], "nothing is done yet"
    said = send(page, "/jobs/", do="cancel", job=["a", "b", "old"])
    assert said == "2 of 3 jobs are cancelled. 1 had ended already."
    assert waiting() == ["c"]


def test_all_on_the_page_and_all_that_match_are_not_the_same(ada: Any, page: Client) -> None:
    submit_jobs(ada, *[f"j{n:02}" for n in range(60)], "other")
    text = shown(page, "/jobs/?prefix=j")
    names = [unescape(name) for name in re.findall(r'name="shown" value="([^"]*)"', text)]
    assert names == rows(text)
    assert send(page, "/jobs/?prefix=j", do="cancel", page="1", shown=names) == "50 jobs are cancelled."
    assert waiting() == [*[f"j{n:02}" for n in range(10)], "other"]
    assert "Cancel 10 jobs?" in page.post("/jobs/?prefix=j", {"do": "cancel", "all": "1"}).content.decode()
    assert send(page, "/jobs/?prefix=j", do="cancel", all="1") == "10 jobs are cancelled."
    assert waiting() == ["other"]


@pytest.mark.parametrize(
    ("search", "again"),
    [
        ("?error=DISK", ["a1", "a2"]),
        ("?status=failed", ["a1", "a2", "b1"]),
        ("?status=failed&error=disk&prefix=a2", ["a2"]),
        ("?after=0&status=failed&task=wait", ["a1", "a2", "b1"]),
        ("?submitted_before=2100-01-01T00:00&status=failed", ["a1", "a2", "b1"]),
    ],
)
def test_all_that_match_any_search_are_tried_again(ada: Any, page: Client, search: str, again: list[str]) -> None:
    fail("a1", "a2", ada=ada)
    fail("b1", ada=ada, error="no such file")
    said = send(page, f"/jobs/{search}", do="retry", all="1")
    assert said == f"{len(again)} jobs wait again." if len(again) > 1 else "1 job waits again."
    assert waiting() == again
    assert Outcome.objects.count() == 3 - len(again)


def test_jobs_are_moved_together_and_keep_their_order(ada: Any, page: Client) -> None:
    submit_jobs(ada, "a", "b", "c", "d")
    assert send(page, "/jobs/?status=queued", do="front", job=["d", "c"]) == "2 jobs are at the front now."
    assert in_order() == ["c", "d", "a", "b"]
    assert send(page, "/jobs/?prefix=c", do="back", all="1") == "1 job is at the back now."
    assert in_order() == ["d", "a", "b", "c"]


def test_the_way_back_leads_to_the_same_page_of_the_same_search(ada: Any, page: Client) -> None:
    submit_jobs(ada, *[f"j{n:03}" for n in range(60)])
    text = shown(page, "/jobs/?status=queued&sort=oldest")
    (second,) = [unescape(href) for href in re.findall(r'rel="next" href="([^"]*)"', text)]
    text = shown(page, second)
    address = re.search(r'id="selection" method="post" action="([^"]*)"', text)
    assert address is not None
    answer = page.post(unescape(address[1]), {"do": "cancel", "job": rows(text)[0], "sure": "1"})
    back = shown(page, answer.headers["Location"])
    assert rows(back) == rows(text)[1:]
    assert "1 job is cancelled." in back


def test_only_what_can_be_done_with_the_jobs_of_a_search_is_offered(ada: Any, page: Client) -> None:
    submit_jobs(ada, "waits")
    fail("broken", ada=ada)

    def offered(search: str) -> list[str]:
        return re.findall(r'name="do" value="(\w+)"', shown(page, f"/jobs/{search}"))

    assert offered("") == ["cancel", "retry", "front", "back"]
    assert offered("?status=failed") == ["retry"]
    assert offered("?error=full") == ["retry"]
    assert offered("?status=succeeded") == []
    assert 'type="checkbox"' not in shown(page, "/jobs/?status=succeeded")


@pytest.mark.parametrize(
    ("search", "fields", "status", "said"),
    [
        ("", {"do": "cancel"}, 400, "Choose jobs first."),
        ("?status=succeeded", {"do": "cancel", "all": "1"}, 400, "There is no job here for that."),
        ("?prefix=a%2Fb", {"do": "cancel", "all": "1"}, 400, "The filter is not valid."),
        ("", {"do": "dance", "all": "1"}, 404, ""),
    ],
)
def test_what_cannot_be_done_says_so_and_changes_nothing(
    ada: Any, page: Client, search: str, fields: dict[str, str], status: int, said: str
) -> None:
    submit_jobs(ada, "a")
    answer = page.post(f"/jobs/{search}", fields)
    assert answer.status_code == status
    assert said in answer.content.decode()
    assert waiting() == ["a"]


def test_names_in_the_form_are_text_and_others_jobs_are_let_be(ada: Any, page: Client) -> None:
    submit_jobs(make_user("bob"), "theirs")
    submit_jobs(ada, "مهمة", "a~b")
    sure = page.post("/jobs/", {"do": "cancel", "job": ["<b>", "theirs", "مهمة"]}).content.decode()
    assert "<b>" not in sure
    answer = page.post("/jobs/", {"do": "cancel", "job": ["theirs", "مهمة"], "sure": "1"})
    assert "1 of 2 jobs are cancelled." in shown(page, answer.headers["Location"])
    assert waiting() == ["a~b", "theirs"]


def test_a_made_up_address_says_nothing(page: Client) -> None:
    for query in ("did=cancel&came=1.2.3", "did=x&came=1.0.0.0", "did=cancel&came=%C2%B2.0.0.0"):
        assert 'data-testid="came"' not in shown(page, f"/jobs/?{query}")
