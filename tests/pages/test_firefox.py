"""The essential stories of the pages once more, in Debian's Firefox. tests/kit/firefox.py says how it is driven."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.kit import firefox
from tests.kit.pages import Login, fresh, row, submit
from tests.kit.site import BASE, Site
from tests.pages.test_accessibility import CONTRAST, broken
from tests.pages.test_page import (
    test_a_waiting_job_is_moved_and_the_page_follows,
    test_two_users_at_once_each_see_their_own,
)

__all__ = [
    "test_a_waiting_job_is_moved_and_the_page_follows",
    "test_two_users_at_once_each_see_their_own",
]
PROGRAM = shutil.which("firefox-esr") or str(BASE / "var" / "firefox-esr" / "run")
DARK = {"layout.css.prefers-color-scheme.content-override": 0}
Start = Callable[..., Browser]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not Path(PROGRAM).exists(), reason="Debian's package firefox-esr is not here"),
]


@pytest.fixture(scope="module")
def start() -> Iterator[Start]:
    """Starts a Firefox with these preferences."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment: dict[str, str | float | bool] = {**os.environ, "FIREFOX": PROGRAM, "PATH": path}
    opened: list[Browser] = []
    with sync_playwright() as playwright:

        def launch(**preferences: str | float | bool) -> Browser:
            opened.append(
                playwright.firefox.launch(
                    channel="moz-firefox",
                    executable_path=firefox.__file__,
                    env=environment,
                    firefox_user_prefs=preferences,
                )
            )
            return opened[-1]

        yield launch
        for browser in opened:
            browser.close()


@pytest.fixture(scope="module")
def browser(start: Start) -> Browser:
    """A Firefox in place of the Chromium of the other files."""
    return start()


def test_two_tabs_share_one_stream(site: Site, login: Login) -> None:
    first = login(fresh("tabs"))
    opened: list[str] = []
    first.context.on("request", lambda request: opened.append(request.url) if "/events/" in request.url else None)
    second = first.context.new_page()
    second.goto(site.url)
    expect(second.get_by_test_id("connection")).to_have_attribute("data-state", "live")
    submit(second, "for-both", "0.3")
    for page in (first, second):
        expect(row(page, "finished", "for-both")).to_be_visible()
    assert opened == []
    first.close()  # its stream ends; the other tab opens one, and misses nothing
    submit(second, "later", "0.3")
    expect(row(second, "finished", "later")).to_be_visible()
    assert len(opened) == 1


def test_the_page_is_dark_where_the_browser_is(site: Site, start: Start) -> None:
    page = start(**DARK).new_page()
    page.goto(site.url)
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(230, 236, 234)"
    assert broken(page, CONTRAST) == []
