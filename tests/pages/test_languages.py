"""Pages and their scripts in another language."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from babel.messages import Catalog
from babel.messages.pofile import read_po
from django.test import Client
from django.utils.translation import deactivate, override

from queueapp.db.clock import database_now
from queueapp.lifecycle.cancel import cancel
from queueapp.lifecycle.pause import pause
from queueapp.lifecycle.processors import heartbeat, register
from queueapp.lifecycle.submit import submit
from queueapp.lifecycle.turn import take_turn
from queueapp.lifecycle.validation import parse
from queueapp.models import Job, Owner, Processor, Webhook
from queueapp.notices.webhooks import send_test
from queueapp.pages import humanize
from queueapp.registry import task_names
from queueapp.staff import kept
from queueapp.testing import run_jobs
from tests.kit.pseudo import attributes, bracketed, forgotten
from tests.kit.queue import everyone_takes_turns, make_user, submit_jobs
from tests.kit.site import BASE

pytestmark = pytest.mark.django_db

DATA = "|".join(
    [
        r"Turnabout|UTC|CSV|SWF|English|Deutsch|ada|job-\w+|Everyone takes turns|after:",
        r"https://\S*|tka_\w+|[\w.-]+:\d+|queueapp_\w+|job_id,duration,[\s\S]*",
        r"pause (user|task) .*|Paused in the console: .*",
    ]
)
"""What is the same in each language: names, what users wrote, and the history of what staff did."""
OF_TASKS = (
    r"(ValueError: )?attempt [\dN]|ValueError: it broke|Hold a processor[^.]*\.|Sleep for so long[^.]*\.|Seconds|"
)
"""Messages of the test tasks. They are data, and are not translated."""
PAGES = (
    "/", "/jobs/", "/jobs/?status=failed&error=x&sort=oldest", "/jobs/?after=x&prefix=.", "/jobs/?prefix=none",
    "/submit/", "/submit/?task=nap", "/submit/many/", "/submit/many/?new=2&existing=1", "/use/", "/notices/", "/keys/",
    "/password/", "/nowhere/", "/jobs/job-done/", "/jobs/job-failed/", "/jobs/job-cancelled/", "/jobs/job-runs/",
    "/jobs/job-waits/", "/jobs/job-later/", "/jobs/job-twice/",
)  # fmt: skip
FORMS: dict[str, dict[str, Any]] = {
    "/submit/?task=nap": {"job_id": "?", "duration": "x", "payload.seconds": "x", "run_at": "x", "time_limit": "0"},
    "/submit/?task=wait": {"job_id": "job-done", "duration": "7"},
    "/submit/many/": {
        "do": "check",
        "text": "job_id,duration,task\njob-n,1,wait\njob-n,1,wait\njob-m,x,\njob-o,,none\n",
    },
    "/keys/": {"name": " ", "scopes": "staff", "life": "30"},
    "/notices/": {"url": "http://x", "statuses": "none"},
    "/password/": {"old_password": "x", "new_password1": "y", "new_password2": "z"},
    "/jobs/job-done/": {"do": "retry"},
    "/jobs/": {"do": "cancel", "job": ["job-waits", "job-runs"]},
    "/jobs/job-failed/": {"do": "run", "job_id": "", "payload": "{", "duration": "1", "task": "job-none"},
}


@pytest.fixture(autouse=True)
def other_tests_are_in_english() -> Iterator[None]:
    """A request leaves its language active in its thread."""
    yield
    deactivate()


@pytest.fixture
def user() -> Any:
    return make_user("ada", email="ada@ada")


@pytest.fixture
def browser(user: Any) -> Client:
    """The browser of somebody whose first language is German."""
    client = Client(headers={"accept-language": "de-AT, en;q=0.5"})
    client.force_login(user)
    return client


@pytest.fixture
def jobs(user: Any) -> None:
    """Jobs of ada's: succeeded, succeeded at the second attempt, failed, cancelled, running, waiting, for later."""
    everyone_takes_turns()
    owner = Owner.objects.of_user(user)
    asked: list[dict[str, Any]] = [
        {"job_id": "job-done", "task": "nap", "payload": {"seconds": 0.5}},
        {"job_id": "job-twice", "task": "flaky", "payload": {"failures": 1}},
        {"job_id": "job-failed", "task": "fail"},
    ]
    submit(owner, [parse({"duration": 0.25, **job}) for job in asked])
    run_jobs()
    submit_jobs(owner, "job-cancelled")
    cancel(Job.objects.get(name="job-cancelled"))
    submit_jobs(owner, "job-runs", "job-waits", duration=1500.5)
    submit(owner, [parse({"job_id": "job-later", "duration": 1, "run_at": "2100-01-01T00:00:00Z"})])
    processor = register("c").pk
    turn = take_turn(processor)
    heartbeat(processor, turn.number, elapsed=750.0, progress=0.5, message="job-message")


def test_a_page_is_in_the_language_that_the_browser_asks_for(browser: Client) -> None:
    page = browser.get("/").content.decode()
    assert '<html lang="de">' in page
    assert '<script src="/texts/de.js"></script>' in page


def test_a_language_that_is_chosen_comes_before_the_browsers(browser: Client) -> None:
    assert browser.post("/language/", {"language": "en", "next": "/use/"}).headers["location"] == "/use/"
    page = browser.get("/").content.decode()
    assert '<html lang="en">' in page
    assert "/texts/" not in page


def test_a_page_in_a_language_without_texts_is_in_english(browser: Client) -> None:
    assert '<html lang="en">' in browser.get("/", headers={"accept-language": "tlh"}).content.decode()


def test_the_texts_of_scripts_are_sent_once(browser: Client) -> None:
    answer = browser.get("/texts/de.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    again = browser.get("/texts/de.js", headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def in_brackets(ask: Callable[[], Any]) -> set[str]:
    """Return the texts of a page that no catalog has."""
    with bracketed("de"):
        answer = ask()
    assert answer.status_code in (200, 400, 404, 409), answer.status_code
    tasks = "|".join(map(re.escape, task_names(internal=True)))
    return forgotten(answer.content.decode(), rf"{DATA}|{OF_TASKS}\b({tasks})\b")


@pytest.mark.usefixtures("jobs")
def test_no_text_of_a_page_is_forgotten_by_the_catalog(browser: Client) -> None:
    shared = re.search(r'value="http://testserver(/shared/[^"]+/)"', share(browser))
    assert shared is not None
    left = {address: in_brackets(partial(browser.get, address)) for address in (*PAGES, shared[1])}
    pause("job-reason")
    left |= {address: in_brackets(partial(browser.get, address)) for address in ("/", "/jobs/job-waits/")}
    assert {address: texts for address, texts in left.items() if texts} == {}


def share(browser: Client) -> str:
    return browser.post("/jobs/job-twice/", {"do": "share", "life": "24", "shows": ["text", "result"]}).content.decode()


@pytest.mark.usefixtures("jobs")
@pytest.mark.parametrize("address", FORMS)
def test_no_text_of_a_refused_form_is_forgotten_by_the_catalog(browser: Client, address: str) -> None:
    assert in_brackets(lambda: browser.post(address, FORMS[address])) == set()


@pytest.mark.usefixtures("jobs")
def test_no_text_of_keys_and_webhooks_is_forgotten_by_the_catalog(browser: Client) -> None:
    key = {"name": "job-key", "scopes": ["read", "submit"], "life": "30"}
    hook = {"url": "https://hook.example.org/", "statuses": ["failed", "cancelled"]}
    assert in_brackets(lambda: browser.post("/keys/", key)) == set()
    assert in_brackets(lambda: browser.post("/notices/", hook)) == set()
    made = Webhook.objects.get()
    send_test(made)
    for address in ("/keys/", "/notices/", f"/notices/webhooks/{made.pk}/"):
        assert in_brackets(partial(browser.get, address)) == set(), address


@pytest.fixture
def boss() -> Client:
    """The browser of staff who may do everything."""
    client = Client(headers={"accept-language": "de"})
    client.force_login(make_user("job-boss", is_staff=True, is_superuser=True))
    return client


@pytest.mark.usefixtures("jobs")
@pytest.mark.parametrize("address", ["", "failures/", "processors/", "flows/", "decisions/", "database/"])
def test_no_text_of_the_console_is_forgotten_by_the_catalog(boss: Client, address: str) -> None:
    assert in_brackets(partial(boss.get, f"/staff/{address}")) == set()
    with bracketed("de"):
        for what in ({"task": "wait"}, {"user": "ada"}):
            boss.post("/staff/act/pause/", {"reason": "job-reason", **what})
    Processor.objects.update(lease_until=database_now())
    kept.forget()
    assert in_brackets(partial(boss.get, f"/staff/{address}?span=day")) == set()


@pytest.mark.usefixtures("jobs")
def test_no_text_of_what_operators_do_is_forgotten_by_the_catalog(boss: Client) -> None:
    running, found = Job.objects.get(name="job-runs"), pause("job-reason")
    processor = Processor.objects.get()
    asked = {
        "stop": running.pk, "drain": processor.pk, "resume": found.pk, "fleet": "", "pause": "", "retry": "",
    }  # fmt: skip
    for name, what in asked.items():
        address = f"/staff/act/{name}/?what={what}&user=ada"
        assert in_brackets(partial(boss.get, address)) == set(), name
        assert in_brackets(partial(boss.post, f"/staff/act/{name}/", {"what": what, "user": "none"})) == set(), name
    assert in_brackets(partial(boss.get, "/staff/look/?user=ada")) == set()
    boss.post("/staff/look/", {"user": "ada", "reason": "job-reason"})
    for address in ("/?user=ada", "/jobs/?user=ada", "/jobs/job-done/?user=ada", "/use/?user=ada"):
        assert in_brackets(partial(boss.get, address)) == set(), address


def test_no_text_is_forgotten_by_the_catalog_for_whoever_is_not_logged_in() -> None:
    guest = Client(headers={"accept-language": "de"})
    wrong = {"username": "ada", "password": "wrong"}
    assert in_brackets(lambda: guest.get("/login/")) == set()
    assert in_brackets(lambda: guest.post("/login/", wrong)) == set()


@pytest.mark.usefixtures("jobs")
def test_numbers_that_scripts_and_styles_read_have_points_in_every_language(browser: Client) -> None:
    read = [one for page in PAGES for one in attributes(browser.get(page).content.decode())]
    assert ("progress", "value", "0.5") in read
    assert ("button", "data-duration", "0.25") in read
    lists = {"accept", "content", "d"}
    assert [one for one in read if re.search(r"\d,\d", one[2]) and one[1] not in lists] == []


def test_german_pages_have_german_numbers_dates_and_sentences(browser: Client, jobs: None) -> None:
    page = browser.get("/jobs/job-runs/").content.decode()
    assert "von angegebenen 25 min" in page
    assert "Versuch 1 läuft" in page
    assert re.search(r">\d+\. \w+\.? \d{4}, \d\d:\d\d:\d\d UTC<", page)
    answer = browser.get("/api/v1/jobs/job-waits/why/").json()
    assert (answer["reason"], answer["sentence"]) == ("next", "Er ist der nächste, sobald der Prozessor frei ist.")


def test_server_and_scripts_say_the_same_in_the_same_words() -> None:
    of_server, of_scripts = (
        {(many(one.id), one.context): many(one.string) for one in read_catalog(name) if one.id}
        for name in ("django", "djangojs")
    )
    shared = of_server.keys() & of_scripts.keys()
    assert len(shared) > 50
    assert {text for text in shared if of_server[text] != of_scripts[text]} == set()


def read_catalog(name: str) -> Catalog:
    with (BASE / "queueapp/locale/de/LC_MESSAGES" / f"{name}.po").open("rb") as file:
        return read_po(file)


def many(text: Any) -> str:
    """Return the form of a text for many."""
    return str(text if isinstance(text, str) else text[-1])


@pytest.mark.parametrize(
    ("english", "german", "said"),
    [
        ("7.5 s", "7,5 s", lambda: humanize.seconds(7.5)),
        ("4 min 5 s", "4 min 5 s", lambda: humanize.seconds(245)),
        ("37%", "37\u00a0%", lambda: humanize.percent(0.37)),
        ("in about 2 days", "in etwa 2 Tagen", lambda: humanize.soon(172_800)),
        ("in 10 to 20 s", "in 10 bis 20 s", lambda: humanize.soon_between(10, 20)),
        ("in 50 s to 2 days", "in 50 s bis 2 Tagen", lambda: humanize.soon_between(50, 172_800)),
        ("1,234 processors, all free", "1.234 Prozessoren, alle frei", lambda: humanize.processors(1_234, 0, 0, 0)),
        ("9.1% of the turns", "9,1\u00a0% der Zuteilungen", lambda: humanize.turns(0.0912, 1_200)),
    ],
)
def test_numbers_and_durations_are_said_in_each_language(english: str, german: str, said: Callable[[], str]) -> None:
    assert said() == english
    with override("de"):
        assert said() == german
