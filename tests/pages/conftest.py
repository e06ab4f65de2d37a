"""Browsers with users who are logged in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from tests.kit.pages import Login, fill_log_in
from tests.kit.site import Site


@pytest.fixture
def contexts(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Makes browser contexts, each like a browser of its own. No script may fail in them, and no policy be broken."""
    made: list[BrowserContext] = []
    broken: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            broken.append(message.text)

    def make(**options: Any) -> BrowserContext:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        context.on("console", listen)
        context.on("weberror", lambda error: broken.append(str(error.error)))
        made.append(context)
        return context

    yield make
    for context in made:
        context.close()
    assert not broken


@pytest.fixture
def login(site: Site, contexts: Callable[..., BrowserContext]) -> Login:
    """Logs a new user in, in a browser of its own, and returns the page once it is live."""

    def log_in(name: str, *, live: bool = True, **options: Any) -> Page:
        username, password = site.user(name)
        page = contexts(**options).new_page()
        page.goto(site.url)
        fill_log_in(page, username, password)
        if live:
            expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "live")
        return page

    return log_in


@pytest.fixture
def tidy(site: Site) -> Iterator[list[str]]:
    """Names of users whose waiting jobs are cancelled after the test: other tests should not have to wait for them."""
    names: list[str] = []
    yield names
    for name in names:
        with site.client(name) as client:
            for job in client.get("queue/").json()["waiting"]:
                client.delete(f"jobs/{job['job_id']}/")
