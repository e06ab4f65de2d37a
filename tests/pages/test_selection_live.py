"""Many jobs of the page of all jobs at once, in a real browser against a real site."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.kit.pages import Login, fresh, send, tab_to
from tests.kit.site import Site
from tests.pages.test_accessibility import CONTRAST, RULES, broken

pytestmark = pytest.mark.browser
LATER = "2100-01-01T00:00:00Z"


def later(site: Site, name: str, many: int, stem: str = "j") -> None:
    """Submit jobs that stay where they are."""
    send(site, name, [{"job_id": f"{stem}{n:04}", "duration": 1, "run_at": LATER} for n in range(many)])


def box(page: Page, job_id: str) -> Locator:
    return page.get_by_label(f"Choose {job_id}", exact=True)


def words(page: Page) -> Locator:
    return page.locator('[data-part="words"]')


def test_thousands_are_cancelled_with_progress_and_the_page_follows(site: Site, login: Login) -> None:
    name = fresh("mia")
    page = login(name)
    later(site, name, 3_000)
    page.goto(f"{site.url}/jobs/?status=queued")
    page.evaluate(
        """() => {
            window.noted = [];
            const bar = document.querySelector('[data-part="run-bar"]');
            new MutationObserver(() => window.noted.push(bar.value)).observe(bar, { attributes: true });
        }"""
    )
    page.get_by_label("All 3,000 that match").check()
    expect(box(page, "j2999")).to_be_checked()
    page.get_by_role("button", name="Cancel", exact=True).click()
    expect(page.get_by_text("Cancel 3,000 jobs?")).to_be_visible()
    expect(page.get_by_role("button", name="No", exact=True)).to_be_focused()
    page.get_by_role("button", name="Yes", exact=True).click()
    expect(words(page)).to_have_text("3,000 jobs are cancelled.", timeout=60_000)
    expect(words(page)).to_be_focused()
    expect(page.get_by_role("status").get_by_text("3,000 jobs are cancelled.")).to_be_attached()
    values = page.evaluate("window.noted")
    assert values == sorted(values)
    assert len({value for value in values if 0 < value < 1}) >= 3, "the bar moves"
    expect(page.get_by_text("No job matches.")).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("Cancelled"))).to_contain_text("3,000")


def test_it_can_be_stopped_and_says_what_was_not_reached(site: Site, login: Login) -> None:
    name = fresh("nora")
    page = login(name)
    later(site, name, 1_600)
    page.goto(f"{site.url}/jobs/?prefix=j")
    page.get_by_label("All that match this search").check()
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_role("button", name="No", exact=True).click()
    expect(page.get_by_role("button", name="Cancel", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Cancel 1,600 jobs?")).to_be_visible()
    page.evaluate(
        """() => {
            const bar = document.querySelector('[data-part="run-bar"]');
            const stop = document.querySelector('[data-part="stop"]');
            new MutationObserver(() => bar.value > 0 && stop.click()).observe(bar, { attributes: true });
        }"""
    )
    page.get_by_role("button", name="Yes", exact=True).click()
    expect(words(page)).to_have_text(
        "500 of 1,600 jobs are cancelled. You have stopped it. 1,100 were not reached.", timeout=60_000
    )
    with site.client(name) as client:
        assert client.get("jobs/").json()["counts"]["cancelled"] == 500
        client.post("jobs/cancel/", json={"all": True}).raise_for_status()


def test_a_range_is_chosen_by_keyboard_and_only_what_fits_is_done(site: Site, login: Login) -> None:
    name = fresh("olga")
    page = login(name)
    later(site, name, 6)
    with site.client(name) as client:
        for job in ("j0001", "j0003"):
            client.delete(f"jobs/{job}/").raise_for_status()
    page.goto(f"{site.url}/jobs/?sort=oldest")
    retry, cancel = (page.locator(f'button[value="{action}"]') for action in ("retry", "cancel"))
    expect(retry).to_be_disabled()
    tab_to(page, box(page, "j0000"))
    page.keyboard.press("Space")
    expect(retry).to_be_disabled()
    expect(cancel).to_have_text("Cancel 1")
    box(page, "j0003").click(modifiers=["Shift"])
    expect(page.get_by_role("status").get_by_text("4 are chosen")).to_be_attached()
    expect(cancel).to_have_text("Cancel 2")
    expect(retry).to_have_text("Try again 2")
    assert broken(page, RULES) == []
    tab_to(page, retry)
    page.keyboard.press("Enter")
    expect(words(page)).to_have_text("2 of 4 jobs wait again. 2 had neither failed nor been cancelled.")
    expect(page.locator('tr[data-status="queued"]')).to_have_count(6)
    expect(box(page, "j0000")).not_to_be_checked()
    page.set_viewport_size({"width": 320, "height": 640})
    page.get_by_label("All on this page").check()
    page.emulate_media(color_scheme="dark")
    assert broken(page, CONTRAST) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    cancel.click()
    page.get_by_role("button", name="Yes", exact=True).click()
    expect(words(page)).to_have_text("6 jobs are cancelled.")


def test_without_scripts_the_form_is_sent_and_asks_first(site: Site, login: Login) -> None:
    name = fresh("paul")
    page = login(name, live=False, java_script_enabled=False, viewport={"width": 320, "height": 700})
    many = page.get_by_role("link", name="Choose many…")
    expect(many).to_be_hidden()
    later(site, name, 60)
    page.reload()
    many.click()
    box(page, "j0002").check()
    page.get_by_role("button", name="Cancel", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Cancel 1 job?")
    page.get_by_role("link", name="No, go back").click()
    page.get_by_label("All 60 that match").check()
    page.get_by_role("button", name="Cancel", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Cancel 60 jobs?")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.get_by_role("button", name="Yes", exact=True).click()
    expect(page.get_by_test_id("came")).to_have_text("60 jobs are cancelled.")
    expect(page.get_by_text("No job matches.")).to_be_visible()
