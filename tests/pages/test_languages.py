"""Pages and their scripts in another language."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.kit.queue import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser() -> Client:
    """The browser of somebody whose first language is German."""
    client = Client(headers={"accept-language": "de-AT, en;q=0.5"})
    client.force_login(make_user("ada"))
    return client


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
