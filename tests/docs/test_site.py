"""The docs site: served under the site's own policy, with search, in the dark and on a phone."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings as site_settings
from django.test import Client
from playwright.sync_api import Browser, Page, expect

import jobsite.urls  # noqa: F401  # now, before a test names another folder: they are those of the process
from tests.kit.site import Site

BUILT = pytest.mark.skipif(not site_settings.DOCS_ROOT.exists(), reason="make docs builds it, and make check does")


@pytest.mark.django_db
def test_a_built_site_is_served_and_nothing_beside_it(settings: Any, tmp_path: Path) -> None:
    settings.DOCS_ROOT = tmp_path / "html"
    (settings.DOCS_ROOT / "guides").mkdir(parents=True)
    (settings.DOCS_ROOT / "guides" / "scale.html").write_text("<h1>Scale</h1>")
    (tmp_path / "secret.html").write_text("secret")
    browser = Client()
    page = browser.get("/docs/guides/scale.html")
    assert (page.status_code, page["Content-Type"]) == (200, 'text/html; charset="utf-8"')
    assert "default-src 'self'" in page["Content-Security-Policy"]
    assert "unsafe" not in page["Content-Security-Policy"]
    for missing in ("guides", "guides/", "guides/none.html", "../secret.html", "%2e%2e/secret.html", "//etc"):
        assert browser.get(f"/docs/{missing}").status_code == 404, missing
    (settings.DOCS_ROOT / "guides" / "scale.html").write_text("<h1>Scale, and built anew</h1>")
    anew = browser.get("/docs/guides/scale.html", headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(anew.content) == b"<h1>Scale, and built anew</h1>"


@pytest.fixture
def page(browser: Browser) -> Any:
    """A page of a browser in which nothing may fail, and which asks no other host for anything."""
    wrong: list[str] = []
    context = browser.new_context(color_scheme="light", viewport={"width": 1280, "height": 800})
    context.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    context.on("weberror", lambda error: wrong.append(str(error.error)))
    context.on("request", lambda asked: None if "//127.0.0.1:" in asked.url else wrong.append(asked.url))
    yield context.new_page()
    context.close()
    assert not wrong


@BUILT
@pytest.mark.browser
def test_a_reader_searches_and_reads_in_the_dark_and_on_a_phone(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/login/")
    page.get_by_role("link", name="the documentation").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Documentation")
    search = page.get_by_role("textbox", name="Search")
    search.fill("heartbeat lease")
    search.press("Enter")
    page.locator("#search-results a").filter(has_text="Turn").first.click()
    expect(page).to_have_url(re.compile(r"/docs/internals/turn\.html"))
    expect(page.locator("body")).to_have_css("background-color", "rgb(255, 255, 255)")
    page.locator("button.theme-toggle:visible").click()
    expect(page.locator("body")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("body")).to_have_attribute("data-theme", "dark")
    page.set_viewport_size({"width": 320, "height": 640})
    for name in ("index", "guides/client", "reference/api", "performance"):
        page.goto(f"{site.url}/docs/{name}.html")
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, name


@BUILT
def test_every_address_on_the_built_site_leads_somewhere(site: Site) -> None:
    with httpx.Client(base_url=site.url, follow_redirects=True) as reader:
        seen, ahead = set[str](), ["/docs/"]
        while ahead:
            address = ahead.pop()
            answer = reader.get(address)
            assert answer.status_code == 200, address
            if "html" in answer.headers["content-type"]:
                found = re.findall(r'<[a-z]+[^>]* (?:href|src)="([^"#?]+)', answer.text)
                inside = {str(answer.url.join(one).path) for one in found if "://" not in one}
                ahead += inside - seen
                seen |= inside
    assert len([address for address in seen if address.endswith(".html")]) > 50
    assert all(address.startswith(site_settings.DOCS_URL) for address in seen)
