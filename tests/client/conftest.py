"""Fixtures: clients of both kinds, and proxies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.kit.clients import Connect, InLoop, new_user
from tests.kit.proxy import Proxy, proxy
from tests.kit.site import PASSWORD, Site
from turnabout_client import Client


@pytest.fixture
def before(site: Site) -> Iterator[Proxy]:
    """A proxy before the site."""
    with proxy(site.port) as made:
        yield made


@pytest.fixture(params=[Client, InLoop], ids=["sync", "async"])
def connect(site: Site, request: pytest.FixtureRequest) -> Iterator[Connect]:
    """Makes clients of one kind. They are closed at the end."""
    with ExitStack() as stack:

        def make(url: str = site.url, **options: Any) -> Any:
            if not options.keys() & {"username", "token", "key", "tokens"}:
                options |= {"username": new_user(site), "password": PASSWORD}
            client = request.param(url, **options)
            stack.callback(client.close)
            return client

        yield make
