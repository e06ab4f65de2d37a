"""Every page of ours by the rules of axe-core (WCAG 2.2 AA, and good practice), in light and dark.

Forms and lists of Django's admin are theirs, and are not judged here. Of Swagger's page of the API, headings and
landmarks are not: they are its own, and WCAG does not ask for them.
"""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.kit.pages import fill_log_in
from tests.kit.site import Site

pytestmark = pytest.mark.browser
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
WCAG = {"runOnly": [rule for rule in RULES["runOnly"] if rule != "best-practice"]}
CONTRAST = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
SETTLED = """Promise.all(document.getAnimations().map((one) => one.finished.catch(() => {})))"""
"""While a colour changes it is between two. None changes for ever: motion is reduced."""
USERS = ("", "jobs/", "jobs/lost/", "jobs/long/", "notices/", "keys/", "use/", "submit/?task=wait", "submit/many/",
         "password/", "nowhere/")  # fmt: skip
DJANGOS = ("admin/", "admin/queueapp/flow/shares/")
STAFF = ("staff/", "staff/flows/", "staff/failures/", "staff/processors/", *DJANGOS)


def log_in(site: Site, page: Page, name: str, *, staff: bool = False) -> None:
    username, password = site.user(name, staff=staff)
    page.goto(site.url)
    expect(page).to_have_title("Log in · Turnabout")
    assert broken(page, RULES) == []
    fill_log_in(page, username, password)
    expect(page.get_by_test_id("connection")).to_be_visible()


def broken(page: Page, rules: dict[str, Any]) -> list[str]:
    """The rules that the page breaks, with the first element that does. Of a page of Django's, what is ours in it."""
    page.evaluate(SETTLED)
    ours = "#content" if "/admin/" in page.url else "html"
    found = Axe().run(page, context=ours, options=rules | {"preload": False}).response["violations"]
    return [f"{page.url}: {one['id']} by {one['nodes'][0]['html'][:200]}" for one in found]


@pytest.mark.parametrize(("staff", "pages"), [(False, USERS), (True, STAFF)], ids=["users", "staff"])
def test_pages_keep_the_rules_and_nothing_sticks_out_at_a_zoom_of_400_percent(
    site: Site, browser: Browser, staff: bool, pages: tuple[str, ...]
) -> None:
    name = "vera" if staff else "ursula"
    page = browser.new_page(reduced_motion="reduce", viewport={"width": 1280, "height": 800})
    log_in(site, page, name, staff=staff)
    with site.client(name) as client:
        lost = {"job_id": "lost", "task": "checksum", "payload": {"path": "nowhere"}, "duration": 0.1}
        for job in (lost, {"job_id": "long", "duration": 30}):
            client.post("jobs/", json=job).raise_for_status()
        client.get("jobs/lost/?wait=20")
        for path in pages:
            page.goto(f"{site.url}/{path}")
            assert broken(page, RULES) == []
            page.emulate_media(color_scheme="dark")
            assert broken(page, CONTRAST) == []
            page.emulate_media(color_scheme="light")
            page.set_viewport_size({"width": 320, "height": 256})
            for language in ("en", "de"):  # whose words are longer
                page.context.add_cookies([{"name": "django_language", "value": language, "url": site.url}])
                page.reload()
                assert page.evaluate("document.documentElement.scrollWidth") <= 320 or path in DJANGOS, (path, language)
            page.context.clear_cookies(name="django_language")
            page.set_viewport_size({"width": 1280, "height": 800})
        client.delete("jobs/long/")
    page.close()


def test_the_docs_of_the_api_keep_the_rules(site: Site, browser: Browser) -> None:
    page = browser.new_page(reduced_motion="reduce", viewport={"width": 1280, "height": 800})
    page.goto(f"{site.url}/api/v1/docs/")
    submits = page.locator("#operations-jobs-jobs_submit")
    expect(submits).to_be_visible()
    assert broken(page, WCAG) == []
    submits.get_by_role("button").first.click()
    expect(submits.get_by_text("Request body")).to_be_visible()
    assert broken(page, WCAG) == []
    page.close()
