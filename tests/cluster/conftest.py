"""Fixtures of tests that kill processes of a site."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest

from tests.kit.site import Site


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A site of this module's own, as its processes are killed here."""
    running = Site("turnabout_cluster", processors=2)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def api(site: Site, request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    name = re.sub(r"\W+", "-", request.node.name.removeprefix("test_"))[:100]
    site.user(name)
    with site.client(name) as client:
        yield client
