"""Pages without a session, without scripts, at a wrong address, and on screens of all sizes."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import BrowserContext, Locator, expect

from tests.kit.pages import NEXT_TURN, Login, fill_log_in, fresh, row, send, submit, wait_for_ended
from tests.kit.site import Site

pytestmark = pytest.mark.browser


def right(element: Locator) -> float:
    """The right edge of what is shown, in pixels."""
    return float(element.evaluate("element => element.getBoundingClientRect().right"))


def test_nothing_sticks_out_on_any_screen(site: Site, login: Login) -> None:
    name = fresh("rupert")
    page = login(name)
    for kind in ("ended", "now"):
        jobs = [{"job_id": f"{kind}-{number}-".ljust(200, "x"), "duration": 0.05} for number in range(3)]
        send(site, name, jobs if kind == "ended" else [job | {"duration": 3} for job in jobs])
    expect(page.get_by_test_id("finished").locator(".job")).to_have_count(3)
    menu, its_button = page.locator("nav[popover]"), page.get_by_role("button", name=name)
    for width in (360, 768, 1280, 1920, 2560, 3840):
        page.set_viewport_size({"width": width, "height": 800})
        for direction in ("ltr", "rtl"):
            page.evaluate("direction => (document.documentElement.dir = direction)", direction)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.evaluate("document.documentElement.dir = 'ltr'")
        its_button.click()
        assert right(menu) == pytest.approx(right(its_button), abs=2), "the menu is below its button"
        its_button.click()
        assert page.evaluate("document.querySelector('main').getBoundingClientRect().width") > 0.8 * width
    page.set_viewport_size({"width": 360, "height": 800})
    expect(page.get_by_test_id("submit-form")).not_to_be_visible()
    page.get_by_role("button", name="Open the form").click()
    submit(page, "by-thumb", "0.05")
    expect(page.get_by_test_id("submit-form")).to_contain_text("by-thumb is in the queue")


def test_without_scripts_the_queue_is_there(site: Site, login: Login) -> None:
    name = fresh("kim")
    page = login(name, live=False, java_script_enabled=False)
    expect(page.locator("noscript .banner")).to_be_visible()
    send(site, name, [{"job_id": f"still-{number}", "duration": 2} for number in range(4)])
    page.reload()
    expect(row(page, "waiting", "still-3")).to_contain_text("wait · 2 s")
    expect(page.get_by_test_id("share")).to_have_text(NEXT_TURN)
    expect(page.get_by_test_id("submit-form")).not_to_be_visible()


def test_a_long_queue_without_scripts_shows_its_first_jobs_and_leads_to_the_others(site: Site, login: Login) -> None:
    name = fresh("lin")
    page = login(name, live=False, java_script_enabled=False)
    ended = [{"job_id": f"brief-{n}", "duration": 0.001} for n in range(25)]
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    send(site, name, [*ended, *({"job_id": f"later-{n}", "duration": 1, "run_at": later} for n in range(60))])
    wait_for_ended(site, name, 25)
    page.reload()
    lists = [page.get_by_test_id(kind).locator(".job") for kind in ("waiting", "finished")]
    for rows in lists:
        expect(rows).to_have_count(20)
        expect(rows.last).to_be_visible()
        displays = rows.evaluate_all("rows => rows.map((row) => getComputedStyle(row).display)")
        assert len(set(displays)) == 1, "all are laid out alike"
    assert page.locator('[data-part="waiting-note"]').inner_text() == "the first 20 are listed"
    page.get_by_role("link", name="All that wait").click()
    expect(page.locator("[data-job-id]")).to_have_count(50)


def test_a_wrong_password_is_said_kindly(site: Site, contexts: Callable[..., BrowserContext]) -> None:
    name, _ = site.user(fresh("leo"))
    page = contexts().new_page()
    page.goto(f"{site.url}/login/")
    fill_log_in(page, name, "not this")
    expect(page.get_by_role("alert")).to_contain_text("do not belong together")
    expect(page.get_by_label("User name")).to_have_value(name)
    expect(page.get_by_label("Password")).to_be_focused()


def test_who_is_not_logged_in_is_asked_to(site: Site, login: Login, contexts: Callable[..., BrowserContext]) -> None:
    page = contexts().new_page()
    page.goto(site.url)
    expect(page).to_have_url(f"{site.url}/login/?next=/")
    page = login(fresh("mia"))
    page.get_by_role("button", name="Logged in as").click()
    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_url(re.compile("/login/"))
    page.goto(site.url)
    expect(page).to_have_url(f"{site.url}/login/?next=/")


def test_an_unknown_address_leads_back(site: Site, login: Login) -> None:
    page = login(fresh("nina"))
    page.goto(f"{site.url}/no-such-page/")
    expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()
    page.get_by_role("link", name="Go to your queue").click()
    expect(page.get_by_role("heading", name="Your queue")).to_be_visible()
