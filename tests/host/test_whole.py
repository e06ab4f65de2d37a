"""The other project as it runs: web server, cluster and a browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.kit.pages import fill_log_in
from tests.kit.site import PASSWORD, Site

pytestmark = pytest.mark.browser
EMAIL = "ada@example.org"


@pytest.fixture(scope="module")
def project() -> Iterator[Site]:
    """The project, and one person in it."""
    running = Site("turnabout_host", processors=1, DJANGO_SETTINGS_MODULE="tests.host.settings")
    running.start()
    running.manage(
        "shell", "-c", f"from tests.host.models import Person; Person.objects.create_user('{EMAIL}', '{PASSWORD}')"
    )
    yield running
    running.stop()


def test_a_person_logs_in_submits_and_sees_the_job_end(project: Site, browser: Browser) -> None:
    page = browser.new_context().new_page()
    page.goto(project.url)
    fill_log_in(page, EMAIL, PASSWORD)
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "live")
    page.get_by_label("Job id").fill("first")
    page.get_by_label("Duration in seconds").fill("0.1")
    page.get_by_role("button", name="Submit job").click()
    expect(page.get_by_test_id("finished").locator('[data-job-id="first"]')).to_contain_text(
        "succeeded", ignore_case=True
    )
    assert project.query("SELECT user_id IS NOT NULL, key FROM queueapp_owner") == [(True, None)]
