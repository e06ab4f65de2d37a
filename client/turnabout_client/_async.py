"""The client for asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, overload

import httpx
from httpx_sse import EventSource, ServerSentEvent

from ._operations import Operations
from ._settings import TIMEOUT, operations, timeout_of
from ._steps import FAILURES, Alone, Emit, Items, Receive, Send, Sleep, Step, Steps, advance
from .credentials import TokenStore

P = ParamSpec("P")
T = TypeVar("T")


class _Call(Generic[P, T]):
    """An operation as a method that returns a coroutine of its result."""

    def __init__(self, operation: Callable[Concatenate[Operations, P], Steps[T]]) -> None:
        self._operation = operation
        self.__doc__, self.__wrapped__ = operation.__doc__, operation

    @overload
    def __get__(self, client: None, owner: type[AsyncClient]) -> Self: ...
    @overload
    def __get__(self, client: AsyncClient, owner: type[AsyncClient]) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(
        self, client: AsyncClient | None, owner: type[AsyncClient]
    ) -> Self | Callable[P, Coroutine[Any, Any, T]]:
        if client is None:
            return self
        here = client

        @wraps(self._operation)
        async def call(*args: P.args, **kwargs: P.kwargs) -> T:
            return await _Run(here).result(self._operation(here._operations, *args, **kwargs))

        return call


class _Iteration(Generic[P, T]):
    """An operation as a method that returns an asynchronous iterator of what it emits."""

    def __init__(self, operation: Callable[Concatenate[Operations, P], Items[T]]) -> None:
        self._operation = operation
        self.__doc__, self.__wrapped__ = operation.__doc__, operation

    @overload
    def __get__(self, client: None, owner: type[AsyncClient]) -> Self: ...
    @overload
    def __get__(self, client: AsyncClient, owner: type[AsyncClient]) -> Callable[P, AsyncIterator[T]]: ...
    def __get__(self, client: AsyncClient | None, owner: type[AsyncClient]) -> Self | Callable[P, AsyncIterator[T]]:
        if client is None:
            return self
        here = client

        @wraps(self._operation)
        def call(*args: P.args, **kwargs: P.kwargs) -> AsyncIterator[T]:
            return _Run(here).items(self._operation(here._operations, *args, **kwargs))

        return call


class AsyncClient:
    """Turnabout's API for one user of one site. Tasks of one event loop may share it. Use it in an `async with`.

    The arguments are those of Client; `http` is an httpx.AsyncClient. The methods are those of Client, as coroutines;
    jobs(), events() and as_completed() are asynchronous iterators. To leave one early, close it by
    contextlib.aclosing(): that closes its stream at once.
    """

    def __init__(
        self,
        url: str,
        *,
        username: str | None = None,
        password: str | None = None,
        token: str | None = None,
        key: str | None = None,
        tokens: TokenStore | None = None,
        for_user: str | None = None,
        for_key: str | None = None,
        retry_for: float = 60.0,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        self._root, self._operations = operations(
            url, username, password, token, key, tokens, for_user, for_key, retry_for
        )
        self._http = http or httpx.AsyncClient(timeout=TIMEOUT)
        self._closes_http = http is None
        self._alone = asyncio.Lock()

    log_in = _Call(Operations.log_in)
    log_out = _Call(Operations.log_out)
    submit = _Call(Operations.submit)
    submit_many = _Call(Operations.submit_many)
    get = _Call(Operations.get)
    why = _Call(Operations.why)
    log = _Call(Operations.log)
    jobs = _Iteration(Operations.jobs)
    queue = _Call(Operations.queue)
    cancel = _Call(Operations.cancel)
    retry = _Call(Operations.retry)
    cancel_matching = _Call(Operations.cancel_matching)
    retry_matching = _Call(Operations.retry_matching)
    move = _Call(Operations.move)
    move_matching = _Call(Operations.move_matching)
    events = _Iteration(Operations.events)
    last_completion = _Call(Operations.last_completion)
    as_completed = _Iteration(Operations.as_completed)
    wait = _Call(Operations.wait)

    async def close(self) -> None:
        """Close all connections."""
        if self._closes_http:
            await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class _Run:
    """Carries out the steps of one call. `_messages` of the open stream, if there is one."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._response: httpx.Response | None = None
        self._messages: AsyncIterator[ServerSentEvent] | None = None

    async def result(self, steps: Steps[T]) -> T:
        """Return the result."""
        outcome: Any = None
        try:
            while True:
                outcome = await self._take(advance(steps, outcome))
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            await self._close_stream()

    async def items(self, items: Items[T]) -> AsyncIterator[T]:
        """Yield what the steps emit. The stream is closed when the iterator is."""
        outcome: Any = None
        try:
            while True:
                try:
                    step = advance(items.steps, outcome)
                except StopIteration:
                    return
                if isinstance(step, Emit):
                    outcome = yield step.item
                else:
                    outcome = await self._take(step)
        finally:
            await self._close_stream()

    async def _take(self, step: Step) -> Any:
        try:
            match step:
                case Send():
                    return await self._send(step)
                case Receive():
                    return None if self._messages is None else await anext(self._messages, None)
                case Sleep(seconds):
                    return await asyncio.sleep(seconds)
                case Alone(steps):
                    async with self._client._alone, self._client._operations.api.store.locked_async():
                        return await _Run(self._client).result(steps)
        except FAILURES as error:
            return error

    async def _send(self, step: Send) -> httpx.Response:
        http, request = self._client._http, step.request
        built = http.build_request(
            request.method, self._client._root + request.path, content=request.body, params=dict(request.params),
            headers={"Content-Type": "application/json"} | step.headers, timeout=timeout_of(request),
        )  # fmt: skip
        if request.silence is None:
            return await http.send(built)
        await self._close_stream()
        self._response = response = await http.send(built, stream=True)
        if response.status_code == 200:
            self._messages = EventSource(response).aiter_sse()
        else:
            await response.aread()
        return response

    async def _close_stream(self) -> None:
        if self._response is not None:
            await self._response.aclose()
            self._response = None
