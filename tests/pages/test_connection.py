"""The connection of the page: lost, shared between tabs, ended."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.kit.pages import Login, fresh, row, send, submit, wait_for_ended
from tests.kit.site import Site

pytestmark = pytest.mark.browser


def test_a_completion_missed_while_offline_shows_up(site: Site, login: Login) -> None:
    name = fresh("grace")
    page = login(name)
    page.context.set_offline(True)
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "reconnecting")
    send(site, name, [{"job_id": "meanwhile", "duration": 0.1}])
    wait_for_ended(site, name, 1)
    expect(page.get_by_text("The connection is lost.")).to_be_visible()
    expect(row(page, "finished", "meanwhile")).to_have_count(0)
    page.context.set_offline(False)
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "live")
    expect(row(page, "finished", "meanwhile")).to_have_count(1)
    expect(page.get_by_test_id("notice")).to_contain_text("meanwhile is done")


def test_a_network_that_answers_once_more_before_it_is_gone_is_noticed(login: Login) -> None:
    page = login(fresh("last-gasp"))
    page.evaluate("() => Object.defineProperty(navigator, 'onLine', { value: false, configurable: true })")
    with page.expect_response("**/queue/"):
        page.evaluate("() => dispatchEvent(new Event('offline'))")
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "live")
    page.route("**/*", lambda route: route.abort())  # the open stream stays as it is, silent
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "reconnecting")


def test_all_tabs_of_a_browser_share_one_stream(site: Site, login: Login) -> None:
    """A browser opens six connections to a host: with a stream each, the seventh tab would wait for ever."""
    first = login(fresh("tabs"))
    opened: list[str] = []
    first.context.on("request", lambda request: opened.append(request.url) if "/events/" in request.url else None)
    others = [first.context.new_page() for _ in range(8)]
    for page in others:
        page.goto(site.url)
        expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "live")
    assert opened == []
    submit(others[7], "for-all", "0.3")
    for page in (first, *others):
        expect(row(page, "finished", "for-all")).to_be_visible()
    first.close()  # its stream ends; another tab opens one, and misses nothing
    submit(others[0], "later", "0.3")
    for page in others:
        expect(row(page, "finished", "later")).to_be_visible()
    assert len(opened) == 1
    others[0].evaluate("() => document.querySelector('form[action*=logout]').requestSubmit()")
    for page in others[1:]:
        expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "ended")


def test_a_tab_whose_leader_is_stuck_goes_on_by_itself(site: Site, login: Login) -> None:
    first = login(fresh("stuck"))
    second = first.context.new_page()
    second.goto(site.url)
    expect(second.get_by_test_id("connection")).to_have_attribute("data-state", "live")
    first.on("dialog", lambda dialog: None)  # it stays open, and the page's script stands still
    first.evaluate("() => { setTimeout(() => alert('stuck')) }")
    submit(second, "beside", "0.3")
    expect(row(second, "finished", "beside")).to_be_visible(timeout=19_000)


def test_an_ended_session_says_so(login: Login) -> None:
    page = login(fresh("heidi"))
    page.context.clear_cookies()
    page.context.set_offline(True)
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "reconnecting")
    page.context.set_offline(False)
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "ended")
    page.get_by_role("link", name="Log in again").click()
    expect(page).to_have_url(re.compile(r"/login/\?next=/$"))
