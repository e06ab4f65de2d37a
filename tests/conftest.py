"""Fixtures: sites and browsers. tests/environment.py provides the database server and the settings."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from queueapp.lifecycle.announce import announcer
from queueapp.models import PriorityRule
from tests.kit.examples import Examples, examples_of
from tests.kit.site import BASE, Site

pytest_plugins = ["queueapp.pytest_plugin"]

# No thread of this process may use the database between tests, or hold a connection when it is dropped.
announcer.driven = True

# A shell starts what runs in the background with SIGINT ignored, and all processes below inherit that. Tests press
# Ctrl-C on such processes: under `nohup make test &`, too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def no_rules(transactional_db: None) -> None:
    """Delete the rule that the site ships with. Tests that need rules make them."""
    PriorityRule.objects.all().delete()


@pytest.fixture
def examples(request: pytest.FixtureRequest) -> Iterator[Examples]:
    """The blocks that the test's marks name, of its parameter `page` only. It must use each: tests/kit/examples.py."""
    found = examples_of(request.node.nodeid.partition("[")[0])
    if hasattr(request.node, "callspec") and (page := request.node.callspec.params.get("page")):
        found = [block for block in found if block.page == page]
    assert found, "there is no such example"
    yield found
    assert not (unused := [block for block in found if not block.used]), unused


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with its own database, a web server, and a cluster of two processors, which it tells monitoring of."""
    health = tmp_path_factory.mktemp("site") / "alive"
    running = Site(
        "turnabout_site", processors=2, HEALTH_FILE=str(health), METRICS_TOKEN="a-token-of-twenty-characters"
    )
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, from PATH or else var/chromium. For one module: while it is open, an event loop runs in this thread."""
    path = shutil.which("chromium") or str(BASE / "var" / "chromium" / "run")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=arguments)
        yield opened
        opened.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run files with slow tests first, so that no process is left with one when the others have nothing more to do."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
