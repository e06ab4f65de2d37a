"""Sites and browsers for the tests. The database server and the settings come from tests/environment.py."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from queueapp.lifecycle.announce import announcer
from queueapp.models import PriorityRule
from tests.kit.site import BASE, Site

# No thread of this process may use the database between tests, nor hold it when it is dropped.
announcer.driven = True


@pytest.fixture
def no_rules(transactional_db: None) -> None:
    """Without the rule that the site ships with: tests that want rules make them."""
    PriorityRule.objects.all().delete()


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """A site of its own: database, web server, and a cluster of two processors."""
    running = Site("turnabout_site", processors=2)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, for one module: while it is open, an event loop runs in this thread."""
    path = shutil.which("chromium") or str(BASE / "var" / "chromium" / "run")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=arguments)
        yield opened
        opened.close()
