"""Forks of the test's process, for what changes a process for good or ends it."""

from __future__ import annotations

import os
import pickle
import select
import signal
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")

_LONGEST = 20.0
"""Seconds after which a fork or an end that is awaited counts as a failure."""


def fork(work: Callable[[], object]) -> int:
    """Fork a process that ends after `work`, with exit code 0, or 1 if `work` raises. Return its pid."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def exit_code(pid: int) -> int:
    """Wait for the end of a child. Return its exit code, or -N if signal N ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def in_fork(work: Callable[[], T]) -> T:
    """Return the result of `work`, which runs in a fork. Fails if it raises, or if the process ends before."""
    read, write = os.pipe()

    def send() -> None:
        os.setpgid(0, 0)
        os.close(read)
        with suppress(BrokenPipeError):
            try:
                answer: tuple[bool, object] = True, work()
            except BaseException:
                answer = False, traceback.format_exc()
            os.write(write, pickle.dumps(answer))

    pid = fork(send)
    os.close(write)
    try:
        assert select.select([read], [], [], _LONGEST)[0], "the fork did not come to an end"
        answer = os.read(read, 1 << 16)
    finally:
        os.close(read)
        with suppress(ProcessLookupError):  # what it forked, too
            os.killpg(pid, signal.SIGKILL)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    assert answer, "the fork ended before it had a result"
    good, result = pickle.loads(answer)
    assert good, result
    found: T = result
    return found


def wait_to_be_ended() -> None:
    """Wait for the end, which comes by itself after half a minute: a test that fails leaves nothing behind."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(30)
    while True:
        signal.pause()


class Lifeline:
    """A pipe that shows whether the processes that inherited it have ended, also those that are nobody's child."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()

    def let_go(self) -> None:
        """Leave the pipe to the processes forked so far."""
        os.close(self._write)

    def all_ended(self, within: float = _LONGEST) -> bool:
        """Whether all of them end within so many seconds."""
        return bool(select.select([self._read], [], [], within)[0])
