"""Pictures of each page, light and wide, dark and on a phone, and of the README, into docs/: `make screenshots`."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.kit.morning import NEXT, NOW, look_back_on_a_morning
from tests.kit.pages import Login, fill_log_in, fresh, row, send
from tests.kit.site import BASE, Site

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif("SCREENSHOTS" not in os.environ, reason="make screenshots makes them"),
]
FOLDER = BASE / "docs" / "screenshots"
LOOKS = {"light": {"width": 1280, "height": 800}, "dark": {"width": 390, "height": 844}}
USERS = {
    "queue": "", "jobs": "jobs/", "job": "jobs/talker/", "submit": "submit/?task=checksum",
    "submit-many": "submit/many/", "notices": "notices/", "keys": "keys/", "use": "use/", "password": "password/",
}  # fmt: skip
STAFF = {
    "staff": "staff/", "staff-failures": "staff/failures/", "staff-processors": "staff/processors/",
    "staff-flows": "staff/flows/", "staff-decisions": "staff/decisions/", "staff-database": "staff/database/",
}  # fmt: skip


def logged_in(site: Site, browser: Browser, name: str, scheme: str, *, staff: bool = False) -> Page:
    username, password = site.user(name, staff=staff)
    options: Any = {"viewport": LOOKS[scheme], "color_scheme": scheme, "locale": "en-GB", "timezone_id": "UTC"}
    context = browser.new_context(**options)
    page = context.new_page()
    page.goto(site.url)
    fill_log_in(page, username, password)
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "live")
    return page


def test_every_page_has_its_picture(site: Site, browser: Browser, tmp_path: Path) -> None:
    FOLDER.mkdir(exist_ok=True)
    for scheme, name in (("light", "rosa"), ("dark", "saul")):
        page = logged_in(site, browser, name, scheme)
        look_back_on_a_morning(site, name)
        talker = {"job_id": "talker", "duration": 8, "task": "talks", "payload": {"folder": str(tmp_path)}}
        send(site, name, [talker, *NOW, *NEXT])
        expect(page.get_by_test_id("running").locator(".job")).not_to_have_count(0)
        for file, path in USERS.items():
            page.goto(f"{site.url}/{path}")
            page.wait_for_timeout(1_500)
            page.screenshot(path=FOLDER / f"{file}-{scheme}.jpg", type="jpeg", quality=80, animations="disabled")
        boss = logged_in(site, browser, f"{name}-staff", scheme, staff=True)
        for file, path in STAFF.items():
            boss.goto(f"{site.url}/{path}")
            boss.wait_for_timeout(1_500)
            boss.screenshot(path=FOLDER / f"{file}-{scheme}.jpg", type="jpeg", quality=80, animations="disabled")
        (tmp_path / "go").touch()
        with site.client(name) as client:
            client.post("jobs/cancel/", json={"all": True})
        (tmp_path / "go").unlink()
    assert len(list(FOLDER.iterdir())) >= 2 * (len(USERS) + len(STAFF))


@pytest.mark.parametrize(("scheme", "file"), [("light", "screenshot.png"), ("dark", "screenshot-dark.png")])
def test_the_readme_has_its_picture(site: Site, login: Login, tidy: list[str], scheme: str, file: str) -> None:
    name, others = "mira" if scheme == "light" else "noor", [fresh("tom"), fresh("uma")]
    for other in others:
        site.user(other)
    tidy += [name, *others]
    page = login(name, color_scheme=scheme, locale="en-GB", timezone_id="UTC")
    look_back_on_a_morning(site, name)
    page.reload()
    send(site, name, NOW)
    expect(page.get_by_test_id("running").locator(".job")).to_have_count(len(NOW))
    for other in others:
        send(site, other, [{"job_id": f"sweep-{number}", "duration": 6} for number in range(3)])
    send(site, name, NEXT)
    expect(page.get_by_test_id("notice")).to_contain_text("preview-13 is done")
    expect(row(page, "running", "render-13").locator('[data-part="percent"]')).to_have_text(re.compile(r"^[2-6]\d%$"))
    expect(page.get_by_test_id("waiting").locator(".job")).to_have_count(len(NEXT))
    expect(page.get_by_test_id("share")).to_have_text(re.compile(r"^Your share now: 1 of 3 turns; next turn "))
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "live")
    page.screenshot(path=BASE / "docs" / file, animations="disabled")
