"""The client for ordinary programs and threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
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
    """An operation as a method that blocks until its result is there."""

    def __init__(self, operation: Callable[Concatenate[Operations, P], Steps[T]]) -> None:
        self._operation = operation
        self.__doc__, self.__wrapped__ = operation.__doc__, operation

    @overload
    def __get__(self, client: None, owner: type[Client]) -> Self: ...
    @overload
    def __get__(self, client: Client, owner: type[Client]) -> Callable[P, T]: ...
    def __get__(self, client: Client | None, owner: type[Client]) -> Self | Callable[P, T]:
        if client is None:
            return self
        here = client

        @wraps(self._operation)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            return _Run(here).result(self._operation(here._operations, *args, **kwargs))

        return call


class _Iteration(Generic[P, T]):
    """An operation as a method that returns an iterator of what it emits."""

    def __init__(self, operation: Callable[Concatenate[Operations, P], Items[T]]) -> None:
        self._operation = operation
        self.__doc__, self.__wrapped__ = operation.__doc__, operation

    @overload
    def __get__(self, client: None, owner: type[Client]) -> Self: ...
    @overload
    def __get__(self, client: Client, owner: type[Client]) -> Callable[P, Iterator[T]]: ...
    def __get__(self, client: Client | None, owner: type[Client]) -> Self | Callable[P, Iterator[T]]:
        if client is None:
            return self
        here = client

        @wraps(self._operation)
        def call(*args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
            return _Run(here).items(self._operation(here._operations, *args, **kwargs))

        return call


class Client:
    """Turnabout's API for one user of one site. Threads may share it. Use it in a `with` statement, or close() it.

    `url`: the address of the site. Log in with `username` and `password`, or give a ready `token` or a personal `key`.
    `tokens`: where tokens are kept; by default in memory. `retry_for`: seconds for which a request is sent again when
    no answer comes or the site is busy. `for_user`, `for_key`: another owner, for staff. `http`: an httpx.Client to
    use, for certificates or a proxy; it is not closed. Raises ValueError if these make no sense.
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
        http: httpx.Client | None = None,
    ) -> None:
        self._root, self._operations = operations(
            url, username, password, token, key, tokens, for_user, for_key, retry_for
        )
        self._http = http or httpx.Client(timeout=TIMEOUT)
        self._closes_http = http is None
        self._alone = threading.Lock()

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

    def close(self) -> None:
        """Close all connections."""
        if self._closes_http:
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Run:
    """Carries out the steps of one call. `_messages` of the open stream, if there is one."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._response: httpx.Response | None = None
        self._messages: Iterator[ServerSentEvent] = iter(())

    def result(self, steps: Steps[T]) -> T:
        """Return the result."""
        outcome: Any = None
        try:
            while True:
                outcome = self._take(advance(steps, outcome))
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            self._close_stream()

    def items(self, items: Items[T]) -> Iterator[T]:
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
                    outcome = self._take(step)
        finally:
            self._close_stream()

    def _take(self, step: Step) -> Any:
        try:
            match step:
                case Send():
                    return self._send(step)
                case Receive():
                    return next(self._messages, None)
                case Sleep(seconds):
                    return time.sleep(seconds)
                case Alone(steps):
                    with self._client._alone, self._client._operations.api.store.locked():
                        return _Run(self._client).result(steps)
        except FAILURES as error:
            return error

    def _send(self, step: Send) -> httpx.Response:
        http, request = self._client._http, step.request
        built = http.build_request(
            request.method, self._client._root + request.path, content=request.body, params=dict(request.params),
            headers={"Content-Type": "application/json"} | step.headers, timeout=timeout_of(request),
        )  # fmt: skip
        if request.silence is None:
            return http.send(built)
        self._close_stream()
        self._response = response = http.send(built, stream=True)
        if response.status_code == 200:
            self._messages = EventSource(response).iter_sse()
        else:
            response.read()
        return response

    def _close_stream(self) -> None:
        if self._response is not None:
            self._response.close()
            self._response = None
