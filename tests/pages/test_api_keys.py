"""The page of API keys, in a browser: with scripts and without."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.kit.clients import new_user
from tests.kit.keys import bearer
from tests.kit.pages import fill_log_in
from tests.kit.site import PASSWORD, Site

pytestmark = pytest.mark.browser


def open_keys(browser: Browser, site: Site, **options: object) -> Page:
    """The page of keys of a new user, in a browser of their own."""
    page = browser.new_context(base_url=site.url, **options).new_page()  # type: ignore[arg-type]
    page.goto("/login/?next=/keys/")
    fill_log_in(page, new_user(site), PASSWORD)
    return page


def make(page: Page, name: str) -> str:
    """Make a key on the page, and return what is shown."""
    page.get_by_role("textbox", name="Name").fill(name)
    page.get_by_role("button", name="Make key").click()
    return page.get_by_label("The key").input_value()


@pytest.fixture(params=[True, False], ids=["with scripts", "without scripts"])
def page(site: Site, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    opened = open_keys(browser, site, java_script_enabled=request.param)
    yield opened
    opened.context.close()


def status(site: Site, key: str) -> int:
    return httpx.get(f"{site.url}/api/v1/queue/", headers=bearer(key)).status_code


def test_a_key_is_made_shown_once_used_and_revoked(site: Site, page: Page) -> None:
    page.get_by_role("button", name="Logged in as").click()
    page.get_by_role("link", name="API keys").click()
    expect(page.get_by_test_id("keys")).to_contain_text("no keys yet")
    key = make(page, "<b onclick=alert(1)>nightly</b>")
    expect(page.get_by_test_id("keys").locator("b")).to_have_count(0)  # it is text
    expect(page.get_by_test_id("keys")).to_contain_text("<b onclick=alert(1)>nightly</b>")
    expect(page.get_by_test_id("keys")).to_contain_text("never used")
    assert status(site, key) == 200
    page.goto("/keys/")
    assert key not in page.content()
    expect(page.get_by_test_id("keys")).to_contain_text("last used")
    page.get_by_test_id("keys").get_by_text("Revoke", exact=False).first.click()
    page.get_by_role("button", name="Revoke this key").click()
    expect(page.get_by_test_id("keys")).to_contain_text("no keys yet")
    assert status(site, key) == 401


def test_what_is_wrong_is_said_at_its_field_and_nothing_is_lost(site: Site, page: Page) -> None:
    make(page, "nightly")
    page.get_by_role("textbox", name="Name").fill("nightly")
    page.get_by_label("cancel, retry and move jobs").uncheck()
    page.get_by_label("It works for").select_option("a year")
    page.get_by_role("button", name="Make key").click()
    expect(page.locator("#name-error")).to_contain_text("you have a key of this name already", ignore_case=True)
    expect(page.get_by_role("textbox", name="Name")).to_have_value("nightly")
    expect(page.get_by_label("cancel, retry and move jobs")).not_to_be_checked()
    expect(page.get_by_label("It works for")).to_have_value("365")
    for box in page.get_by_role("checkbox").all():
        box.uncheck()
    page.get_by_role("button", name="Make key").click()
    expect(page.locator("#scopes-error")).not_to_be_empty()


def test_a_button_copies_the_key(site: Site, browser: Browser) -> None:
    page = open_keys(browser, site, permissions=["clipboard-read", "clipboard-write"])
    key = make(page, "nightly")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == key
    page.context.close()
