"""The pages of notices, as a browser without scripts asks for them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from queueapp.models import Webhook
from queueapp.testing import run_jobs
from tests.kit.queue import everyone_takes_turns, make_user
from tests.kit.receiver import receiver

pytestmark = pytest.mark.django_db
FORM = {"url": "https://hook.example.org/?<b>", "statuses": ["failed", "cancelled"]}


@pytest.fixture
def browser() -> Client:
    everyone_takes_turns()
    opened = Client()
    opened.force_login(make_user("ada@example.org"))
    return opened


def text(answer: Any) -> str:
    return re.sub(r"\s+", " ", answer.content.decode())


def test_a_webhook_is_made_on_the_page_and_its_secret_shown_once(browser: Client) -> None:
    assert "You have no webhooks yet." in text(browser.get("/notices/"))
    made = text(browser.post("/notices/", FORM))
    hook = Webhook.objects.get()
    assert f'value="{hook.secret}"' in made
    assert (hook.statuses, hook.url) == (["failed", "cancelled"], "https://hook.example.org/?%3Cb%3E")
    page = f"/notices/webhooks/{hook.pk}/"
    for address in ("/notices/", page):
        assert "whsec_" not in text(browser.get(address))
    former = hook.secret
    rotated = text(browser.post(page, {"do": "rotate"}))
    hook.refresh_from_db()
    assert f'value="{hook.secret}"' in rotated
    assert hook.secret != former
    assert browser.post(page, {"do": "delete"}).status_code == 302
    assert not Webhook.objects.exists()


def test_what_is_wrong_is_said_at_its_field_and_nothing_is_lost(browser: Client) -> None:
    answer = browser.post("/notices/", {"url": "https://user@example.org/", "statuses": ["cancelled"]})
    page = text(answer)
    assert answer.status_code == 400
    assert 'id="url-error">must not have a user name or a password<' in page
    assert 'value="https://user@example.org/"' in page
    assert re.findall(r'value="(\w+)" checked', page) == ["cancelled"]
    assert 'id="statuses-error"></p>' in page
    assert "at least 1 item" in text(browser.post("/notices/", {"url": FORM["url"]}))


@pytest.mark.django_db(transaction=True)
def test_a_test_message_is_in_the_log_is_sent_again_and_the_reason_of_a_stop_is_shown(browser: Client) -> None:
    with receiver() as there:
        there.answers[:] = [200, 410]
        browser.post("/notices/", {"url": there.url, "statuses": ["failed"]})
        page = f"/notices/webhooks/{Webhook.objects.get().pk}/"
        assert "No message was sent yet." in text(browser.get(page))
        assert browser.post(page, {"do": "test"}).status_code == 302
        run_jobs()
        shown = text(browser.get(page))
        assert re.search(r"Delivered \(200, \d+ ms\)", shown)
        again = re.search(r'name="delivery" value="([^"]+)"', shown)
        assert again is not None
        browser.post(page, {"do": "send", "delivery": again[1]})
        run_jobs()
        assert "It is switched off. The receiver answered 410" in text(browser.get(page))
        assert "Switched off.</b> The receiver answered 410" in text(browser.get("/notices/"))
        assert there.next().headers["webhook-id"] == there.next().headers["webhook-id"]
        for unknown in ("1-none", f"{again[1]}\x00", "\n"):
            assert browser.post(page, {"do": "send", "delivery": unknown}).status_code == 404
        browser.post(page, {"do": "on"})
        assert Webhook.objects.get().enabled


def test_a_page_of_another_site_makes_none(browser: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = browser.cookies
    assert strict.post("/notices/", FORM).status_code == 403
    assert not Webhook.objects.exists()
