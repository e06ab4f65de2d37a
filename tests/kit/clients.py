"""Clients of the API for tests: an AsyncClient that looks like a Client, users for them."""

from __future__ import annotations

import asyncio
import inspect
import itertools
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from tests.kit.site import Site
from turnabout_client import AsyncClient

_numbers = itertools.count()
Connect = Callable[..., Any]
"""Makes a client of a new user, or with the arguments given: a Client, or an AsyncClient that looks like one."""


class InLoop:
    """An AsyncClient that looks like a Client: its coroutines run in the event loop of another thread."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._client = self._run(self._make(*args, **options))

    @staticmethod
    async def _make(*args: Any, **options: Any) -> AsyncClient:
        return AsyncClient(*args, **options)

    def _run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            result = getattr(self._client, name)(*args, **options)
            return self._run(result) if inspect.iscoroutine(result) else self._iterate(result)

        return call

    def _iterate(self, items: AsyncIterator[Any]) -> Iterator[Any]:
        end = object()
        try:
            while (item := self._run(anext(items, end))) is not end:
                yield item
        finally:
            if self._loop.is_running():  # else this iterator has outlived its test
                self._run(items.aclose())  # type: ignore[attr-defined]

    def close(self) -> None:
        self._run(self._client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def new_user(site: Site) -> str:
    """Make a user, and return the name."""
    return site.user(f"client-{next(_numbers)}")[0]
