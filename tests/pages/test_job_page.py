"""The page of one job, in a real browser against a real site: live, and usable by keyboard and without scripts."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.kit.pages import Login, fresh, row, send, tab_to
from tests.kit.site import Site

pytestmark = pytest.mark.browser


def test_a_failure_found_by_its_error_is_watched_while_it_is_tried_again(site: Site, login: Login) -> None:
    name = fresh("ines")
    page = login(name)
    send(site, name, [{"job_id": f"fine-{n}", "duration": 0.01} for n in range(30)])
    send(site, name, [{"job_id": "trouble", "duration": 0.1, "task": "fail"}])
    expect(row(page, "finished", "trouble")).to_be_visible(timeout=30_000)
    page.reload()
    expect(page.get_by_test_id("unseen")).to_contain_text("1 job failed")
    page.get_by_role("link", name="Jobs", exact=True).click()
    page.get_by_label("Error contains").fill("IT BROKE")
    page.get_by_role("button", name="Find").click()
    expect(page).to_have_url(re.compile("error=IT\\+BROKE"))
    found = page.get_by_role("table").get_by_role("rowheader")
    expect(found).to_have_count(1)
    found.get_by_role("link", name="trouble").click()
    expect(page.get_by_test_id("timeline")).to_contain_text("Attempt 3 failed")
    expect(page.get_by_test_id("timeline")).to_contain_text("ValueError: it broke")
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "live")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_test_id("timeline")).to_contain_text("Attempt 6 failed", timeout=30_000)
    expect(page.get_by_test_id("state")).to_have_text("failed")


def test_the_page_follows_its_job_and_keeps_what_is_typed_and_focused(site: Site, login: Login) -> None:
    name = fresh("jonas")
    page = login(name)
    send(site, name, [{"job_id": "long", "duration": 60}, {"job_id": "also", "duration": 60}])
    page.goto(f"{site.url}/jobs/long/")
    expect(page.get_by_test_id("state")).to_have_text("running")
    expect(page.locator('[data-part="percent"]')).not_to_have_text("0%")
    page.get_by_text("Run again").click()
    again = page.get_by_test_id("again")
    expect(again.get_by_label("Job id")).to_have_value("long-2")
    again.get_by_label("Payload, as JSON").fill('{"nothing": 1}')
    tab_to(page, page.locator("#cancel summary"))
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Yes, cancel it")).to_be_focused()
    with site.client(name) as client:
        client.delete("jobs/long/").raise_for_status()
    expect(page.get_by_test_id("state")).to_have_text("cancelled")
    expect(page.locator("#state-title")).to_be_focused()
    expect(again.get_by_label("Payload, as JSON")).to_have_value('{"nothing": 1}')
    again.get_by_role("button", name="Submit as a new job").click()
    expect(page.locator("#payload-error")).to_contain_text("nothing")
    expect(again.get_by_label("Payload, as JSON")).to_be_focused()
    expect(again.get_by_label("Payload, as JSON")).to_have_value('{"nothing": 1}')
    with site.client(name) as client:
        client.delete("jobs/also/").raise_for_status()


def test_a_log_grows_while_its_job_runs_and_stages_and_note_are_shown(site: Site, login: Login, tmp_path: Path) -> None:
    name = fresh("lisa")
    page = login(name)
    talker = {"job_id": "talker", "duration": 5, "task": "talks", "payload": {"folder": str(tmp_path)}}
    send(site, name, [talker])
    page.goto(f"{site.url}/jobs/talker/")
    timeline, note = page.get_by_test_id("timeline"), page.get_by_role("region", name="Note")
    expect(timeline.get_by_label("Log", exact=True)).to_contain_text("logged {'a': 1}")
    expect(note.get_by_role("heading", name="Half")).to_be_visible()
    expect(note).to_contain_text("<script>alert(1)</script>")
    (tmp_path / "go").touch()
    expect(page.get_by_test_id("state")).to_have_text("succeeded")
    expect(timeline.get_by_label("Log", exact=True)).to_contain_text("at last")
    expect(timeline.get_by_role("list", name="Stages").get_by_role("listitem")).to_contain_text(
        ["download", "<b>render</b>"]
    )
    expect(note.get_by_role("cell", name="2")).to_be_visible()


def test_a_job_of_another_script_is_submitted_by_its_form_shared_and_watched_without_an_account(
    site: Site, login: Login, contexts: Callable[..., BrowserContext]
) -> None:
    page = login(fresh("lea"), live=False, java_script_enabled=False)
    page.get_by_role("link", name="Submit", exact=True).click()
    page.get_by_label("Task", exact=True).select_option("nap")
    page.get_by_role("button", name="Show its form").click()
    page.get_by_label("Seconds", exact=True).fill("60")
    page.get_by_label("Job id").fill(" задача-مهمة ")
    page.get_by_label("Duration in seconds").fill("60")
    page.get_by_role("button", name="Submit job").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("задача-مهمة")
    page.get_by_text("Share this job").click()
    page.get_by_role("button", name="Make a link").click()
    link = page.get_by_label("The new link").input_value()
    guest = contexts().new_page()
    guest.goto(link)
    expect(guest.get_by_test_id("state")).to_have_text("running")
    expect(guest.get_by_text("Log out")).to_have_count(0)
    page.get_by_text("Cancel", exact=True).click()
    page.get_by_role("button", name="Yes, cancel it").click()
    expect(guest.get_by_test_id("state")).to_have_text("cancelled")
    assert guest.context.cookies() == []
    page.get_by_role("button", name="Revoke").click()
    answer = guest.goto(link)
    assert answer is not None
    assert answer.status == 404


def test_without_scripts_a_job_is_cancelled_and_run_again(site: Site, login: Login) -> None:
    name = fresh("kaja")
    page = login(name, live=False, java_script_enabled=False, viewport={"width": 320, "height": 700})
    send(site, name, [{"job_id": "later", "duration": 1, "run_at": "2100-01-01T00:00:00Z"}])
    page.goto(f"{site.url}/jobs/?status=queued")
    page.get_by_role("link", name="later").click()
    page.locator("#cancel summary").click()
    page.get_by_role("button", name="Yes, cancel it").click()
    expect(page.get_by_test_id("state")).to_have_text("cancelled")
    page.get_by_text("Run again").click()
    page.get_by_role("button", name="Submit as a new job").click()
    expect(page.get_by_role("heading", name="later-2")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
