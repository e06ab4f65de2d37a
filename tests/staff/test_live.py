"""The console in a real browser against a real site: it follows the queue, and its buttons work on real processors."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.kit.pages import fill_log_in
from tests.kit.site import PASSWORD, Site

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def boss(site: Site) -> str:
    """The name of a superuser."""
    return site.user("console-boss", staff=True)[0]


@pytest.fixture
def console(site: Site, browser: Browser, boss: str) -> Iterator[Callable[..., Page]]:
    """Opens a page of the console as the boss, in a browser of its own. No script fails, and no policy is broken."""
    made: list[BrowserContext] = []
    broken: list[str] = []

    def open_page(path: str = "", **options: bool) -> Page:
        context = browser.new_context(**options)  # type: ignore[arg-type]  # one is given at most
        context.on("weberror", lambda error: broken.append(str(error.error)))
        context.on("console", lambda said: broken.append(said.text) if "Security Policy" in said.text else None)
        made.append(context)
        page = context.new_page()
        page.goto(f"{site.url}/login/?next=/staff/{path}")
        fill_log_in(page, boss, PASSWORD)
        expect(page.get_by_role("heading", name="Operations")).to_be_visible()
        return page

    yield open_page
    for context in made:
        context.close()
    assert not broken


def test_a_processor_is_drained_after_its_job_while_the_page_follows(
    site: Site, console: Callable[..., Page], tmp_path: Path
) -> None:
    site.user("drained")
    page = console("processors/")
    with site.client("drained") as api:
        jobs = [{"job_id": "long", "duration": 3, "task": "talks", "payload": {"folder": str(tmp_path)}}]
        api.post("jobs/bulk/", json={"jobs": jobs}).raise_for_status()
        row = page.get_by_role("row").filter(has_text="long")
        expect(row).to_contain_text("Working", ignore_case=True)  # the page was not loaded anew
        ((pid, idle),) = site.query(
            "SELECT (SELECT pid FROM queueapp_processor WHERE job_id IS NOT NULL),"
            " (SELECT pid FROM queueapp_processor WHERE job_id IS NULL LIMIT 1)"
        )
        row.get_by_role("link", name=re.compile("^Drain")).click()
        page.get_by_label("Why").fill("it leaks")
        page.get_by_role("button", name="Drain it").click()
        expect(page.get_by_text("drains.")).to_be_visible()
        expect(row).to_contain_text("draining", ignore_case=True)
        (tmp_path / "go").touch()
        site.wait_for(f"SELECT NOT EXISTS (SELECT FROM queueapp_processor WHERE pid = {pid})")
        job = api.get("jobs/long/").json()
        assert (job["status"], job["attempt"]) == ("succeeded", 1), "its job ran to its end"
    site.query("UPDATE queueapp_processor SET retiring = true WHERE pid = %s", idle)
    site.wait_for(f"SELECT NOT EXISTS (SELECT FROM queueapp_processor WHERE pid = {idle})")  # an idle one ends at once
    site.wait_for("SELECT count(*) = 2 FROM queueapp_processor WHERE NOT retiring")


def test_a_running_job_is_stopped_without_any_script(site: Site, console: Callable[..., Page]) -> None:
    site.user("stopped")
    with site.client("stopped") as api:
        api.post("jobs/", json={"job_id": "endless", "duration": 60, "task": "nap", "payload": {"seconds": 60}})
        site.wait_for("SELECT EXISTS (SELECT FROM queueapp_processor WHERE job_id IS NOT NULL)")
        page = console("processors/", java_script_enabled=False)
        page.get_by_role("link", name="Stop the job endless").click()
        page.get_by_label("Why").fill("it never ends")
        page.get_by_role("button", name="Stop it").click()
        expect(page.get_by_text("The job endless was asked to stop.")).to_be_visible()
        assert api.get("jobs/endless/?wait=20").json()["status"] == "cancelled"
        page.goto(f"{site.url}/staff/decisions/")
        expect(page.get_by_text("Stopped in the console: it never ends")).to_be_visible()
