"""What the page tells of jobs that ended: in its notices, by its tab and by the browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.kit.pages import NOTIFICATIONS, Login, fresh, put_out_of_sight, row, send, submit, wait_for_ended
from tests.kit.site import Site

pytestmark = pytest.mark.browser


def test_many_completions_make_one_notice(site: Site, login: Login) -> None:
    name = fresh("ivan")
    page = login(name)
    send(site, name, [{"job_id": f"tiny-{number:02}", "duration": 0.02} for number in range(40)])
    expect(page.get_by_test_id("finished").locator(".job")).to_have_count(40)
    expect(page.get_by_test_id("notice")).to_contain_text("40 jobs done")
    expect(page.get_by_test_id("notice").locator(".notice")).to_have_count(1)
    expect(page.get_by_test_id("finished").locator(".job:visible")).to_have_count(10)
    page.get_by_role("button", name="Show all 40").click()
    expect(page.get_by_test_id("finished").locator(".job:visible")).to_have_count(40)


def test_a_page_out_of_sight_tells_by_the_browser_and_by_its_tab(site: Site, login: Login) -> None:
    name = fresh("peggy")
    page = login(name)
    page.evaluate(f"() => {{ {NOTIFICATIONS} }}")
    icon = page.locator('link[rel="icon"]')
    page.get_by_role("button", name="Notify me").click()
    expect(page.get_by_role("button", name="Notifications on")).to_be_visible()
    send(site, name, [{"job_id": "in-sight", "duration": 0.05}])
    expect(page.get_by_test_id("notice")).to_contain_text("in-sight is done")
    put_out_of_sight(page)
    send(site, name, [{"job_id": f"out-of-sight-{number}", "duration": 0.05} for number in range(12)])
    expect(page.locator("body")).to_have_attribute("data-told", "12 jobs done: 12 succeeded")
    expect(page).to_have_title("(12 new) Your queue · Turnabout")
    expect(icon).to_have_attribute("href", re.compile("favicon-new"))
    put_out_of_sight(page, hidden=False)
    expect(page).to_have_title("Your queue · Turnabout")
    expect(icon).to_have_attribute("href", re.compile("favicon.svg"))


def test_the_browser_tells_of_failures_only_if_that_is_chosen(site: Site, login: Login) -> None:
    name = fresh("pat")
    page = login(name)
    page.context.add_init_script(NOTIFICATIONS)
    page.goto(f"{site.url}/notices/")
    choice = page.get_by_role("region", name="This browser")
    expect(choice).to_contain_text("off")
    page.get_by_label("Notify me of jobs that end").select_option("only if they failed")
    choice.get_by_role("button", name="Save").click()
    expect(choice).to_contain_text("on, failures only")
    page.goto(site.url)
    expect(page.get_by_role("button", name="Notifications of failures on")).to_be_visible()
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "live")
    put_out_of_sight(page)
    lost = {"job_id": "lost", "duration": 0.05, "task": "checksum", "payload": {"path": "nowhere"}}
    send(site, name, [{"job_id": "well", "duration": 0.05}, lost])
    expect(page.locator("body")).to_have_attribute("data-told", re.compile("^lost failed: "))
    expect(page).to_have_title("(2 new, 1 failed) Your queue · Turnabout")
    expect(page.locator('link[rel="icon"]')).to_have_attribute("href", re.compile("favicon-failed"))


def test_what_ended_between_two_visits_is_marked(site: Site, login: Login) -> None:
    name = fresh("quinn")
    page = login(name)
    submit(page, "before", "0.05")
    expect(row(page, "finished", "before")).to_be_visible()
    page.goto(f"{site.url}/api/v1/queue/")
    send(site, name, [{"job_id": "between", "duration": 0.05}])
    wait_for_ended(site, name, 2)
    page.goto(site.url)
    expect(page.get_by_test_id("notice")).to_contain_text("1 job ended since you were here last.")
    expect(row(page, "finished", "between")).to_have_class(re.compile("is-unseen"))
    expect(row(page, "finished", "before")).not_to_have_class(re.compile("is-unseen"))
