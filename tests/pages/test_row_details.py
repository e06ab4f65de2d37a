"""Details of a job in the lists of the page, and the wording of numbers and starts."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.kit.pages import Login, assert_numbers_alike, fill_log_in, fresh, row, send, submit
from tests.kit.site import Site

pytestmark = pytest.mark.browser


def test_what_a_user_wrote_is_shown_as_text(login: Login) -> None:
    page = login(fresh("judy"))
    page.get_by_label("Task").select_option("checksum")
    page.get_by_label("Payload, as JSON").fill('{"path": "<img src=x onerror=document.title=0>"}')
    submit(page, "markup", "0.05")
    markup = row(page, "finished", "markup")
    expect(markup).to_have_attribute("data-status", "failed")
    markup.locator("summary").click()
    expect(markup.locator('[data-part="error"]')).to_contain_text("<img src=x")
    expect(page.get_by_test_id("finished").locator("img")).to_have_count(0)


def test_server_and_page_say_numbers_alike(login: Login) -> None:
    assert_numbers_alike(login(fresh("olga")), "en")


def test_a_range_of_starts_is_said_in_few_words(login: Login) -> None:
    page = login(fresh("olga"))
    given = [(0.2, 0.8), (0.2, 7), (3, 3.2), (3, 9), (20, 50), (40, 130), (70, 200), (3000, 90_000), (-5, 12)]
    said = page.evaluate(
        """async (given) => {
            const { formatRangeUntil } = await import("/static/queueapp/format.js");
            return given.map(([earliest, latest]) => formatRangeUntil(earliest, latest));
        }""",
        given,
    )
    assert said == [
        "any moment", "within 7 s", "in about 3 s", "in 3 to 9 s", "in 20 to 50 s", "in 40 s to 2 min", "in 1 to 3 min",
        "in 50 min to 1 day", "within 12 s",
    ]  # fmt: skip


def test_what_is_large_is_read_when_its_row_is_opened(site: Site, login: Login) -> None:
    name = fresh("lara")
    page = login(name)
    payload = {"text": "large and whole ", "times": 200}
    with site.client(name) as client:
        client.post("jobs/", json={"job_id": "big", "duration": 0.1, "task": "returns", "payload": payload})
        padded = {"job_id": "padded", "duration": 0.1, "task": "returns", "payload": {"text": "word " * 500}}
        client.post("jobs/", json=padded)
    for reload in (False, True):  # told by the stream, and rendered by the server
        if reload:
            page.reload()
        big = row(page, "finished", "big")
        expect(big).to_be_visible()
        assert "whole large and" not in page.content()
        big.locator("summary").click()
        expect(big.locator('[data-part="result"]')).to_contain_text("large and whole " * 200)
        expect(big.get_by_text("The whole job, as JSON")).to_be_hidden()
    padded_row = row(page, "finished", "padded")
    padded_row.locator("summary").click()
    padded_row.get_by_role("button", name="Use again").click()
    expect(page.get_by_label("Payload, as JSON")).to_have_value(re.compile("(word ){500}"))


def test_without_scripts_what_is_large_has_a_link(site: Site, contexts: Callable[..., BrowserContext]) -> None:
    username, password = site.user(fresh("liam"))
    with site.client(username) as client:
        payload = {"text": "large and whole ", "times": 200}
        client.post("jobs/", json={"job_id": "big", "duration": 0.1, "task": "returns", "payload": payload})
        site.until(lambda: client.get("jobs/big/").json()["status"] == "succeeded", "it has ended")
    page = contexts(java_script_enabled=False).new_page()
    page.goto(site.url)
    fill_log_in(page, username, password)
    row(page, "finished", "big").locator("summary").click()
    page.get_by_role("link", name="The whole job, as JSON").click()
    assert "large and whole " * 200 in page.content()


def test_a_waiting_job_says_why_it_waits(site: Site, login: Login) -> None:
    name = fresh("nora")
    page = login(name)
    with site.client(name) as client:
        ask = {"job_id": "later", "duration": 1, "run_at": "2099-01-01T00:00:00Z"}
        assert client.post("jobs/", json=ask).status_code == 201
    why = "Waits for a processor that has its task."
    job = "(SELECT id FROM queueapp_job WHERE name = 'later' AND owner_id IN"
    site.query(f"UPDATE queueapp_waiting SET note = %s WHERE job_id = {job}"
               " (SELECT w.id FROM queueapp_owner w JOIN accounts_user u ON u.id = w.user_id"
               "  WHERE username = %s))", why, name)  # fmt: skip
    expect(row(page, "waiting", "later")).to_contain_text(why)
    page.reload()
    expect(row(page, "waiting", "later")).to_contain_text(why)
    with site.client(name) as client:
        client.delete("jobs/later/")


def test_a_job_with_a_moment_says_it(site: Site, login: Login) -> None:
    """With scripts and without: the first render says it in UTC, the page then in the reader's time."""
    name = fresh("mona")
    page = login(name)
    send(site, name, [{"job_id": "later", "duration": 1, "run_at": "2101-02-03T12:30:00Z"}])
    due = row(page, "waiting", "later").locator('[data-part="due"]')
    expect(due).to_have_text(re.compile(r"^not before .*2101.*:30:00"))
    page.route("**/*.js", lambda route: route.abort())
    page.reload()
    expect(due).to_have_text("not before 3 Feb 2101, 12:30:00 UTC")
