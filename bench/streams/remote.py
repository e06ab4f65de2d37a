"""Objects in processes of their own, so that what measures and what is measured do not share an event loop."""

from __future__ import annotations

import asyncio
import inspect
import multiprocessing
import signal
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import uvloop

END_WITHIN = 5.0


@dataclass(frozen=True)
class Failure:
    """An exception of the other process, as text."""

    text: str


class Remote:
    """The object that `make(*given)` returns in a new process, on an event loop like the web server's (uvloop).

    Its methods may be coroutines, and are called one after the other. A context manager: the process ends on exit.
    """

    def __init__(self, make: Callable[..., object], *given: object) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, make, given), daemon=True)
        self._process.start()
        theirs.close()

    def __enter__(self) -> Remote:
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.close()
        self._process.join(END_WITHIN)
        self._process.kill()
        self._process.join()

    @property
    def pid(self) -> int:
        """The id of the process."""
        assert self._process.pid is not None
        return self._process.pid

    def begin(self, method: str, *given: object) -> None:
        """Call a method, and do not wait for its result."""
        self._pipe.send((method, given))

    @property
    def is_done(self) -> bool:
        """Whether the result of the method that was begun is there."""
        return self._pipe.poll()

    def result(self) -> Any:
        """Wait for the result of the method that was begun. Raises RuntimeError if the method raised."""
        result = self._pipe.recv()
        if isinstance(result, Failure):
            raise RuntimeError(result.text)
        return result

    def call(self, method: str, *given: object) -> Any:
        """Call a method and return its result. Raises RuntimeError if the method raises."""
        self.begin(method, *given)
        return self.result()


def _serve(pipe: Connection, make: Callable[..., object], given: tuple[object, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the bench, which then closes the pipe
    uvloop.run(_obey(pipe, make, given))


async def _obey(pipe: Connection, make: Callable[..., object], given: tuple[object, ...]) -> None:
    target = make(*given)
    while True:
        try:
            method, arguments = await asyncio.to_thread(pipe.recv)
        except EOFError:
            return
        try:
            result = getattr(target, method)(*arguments)
            if inspect.isawaitable(result):
                result = await result
        except Exception:
            result = Failure(traceback.format_exc())
        pipe.send(result)
