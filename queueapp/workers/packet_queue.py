"""A queue between processes that no process can block: each message is a packet of a socket, and has one reader."""

from __future__ import annotations

import pickle
import socket
import struct
from collections.abc import Callable
from queue import Full
from typing import Any

_LONGEST = 1 << 20


class PacketQueue:
    """Has what django-q2 uses of multiprocessing's Queue, without its locks and its thread.

    A reader of multiprocessing's Queue waits inside a lock. If it is killed there, nobody releases the lock, and no
    other process gets a message. Here the kernel gives each packet to one of the readers that wait.
    """

    def __init__(self, *, few: bool = False) -> None:
        """`few`: the queue is full with a few messages; put() then waits for a reader."""
        self._reader, self._writer = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        if few:
            self._writer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)  # the system's minimum, about 4 KB
        self._when_idle: Callable[[], None] | None = None

    def call_when_idle(self, seconds: float, what: Callable[[], None]) -> None:
        """Let get() call this whenever no message has come for so many seconds. Before the readers are forked."""
        whole, part = divmod(round(seconds * 1_000_000), 1_000_000)
        self._reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", whole, part))
        self._when_idle = what

    def put(self, message: Any) -> None:
        """Add a message. Wait while the queue is full."""
        self._writer.send(pickle.dumps(message))

    def put_nowait(self, message: Any) -> None:
        """Add a message. Raises queue.Full."""
        try:
            self._writer.send(pickle.dumps(message), socket.MSG_DONTWAIT)
        except BlockingIOError as error:
            raise Full from error

    def get(self) -> Any:
        """Return the next message. Wait until there is one."""
        while True:
            try:
                return pickle.loads(self._reader.recv(_LONGEST))  # noqa: S301 (written by our own processes)
            except BlockingIOError:
                if self._when_idle is not None:
                    self._when_idle()

    def empty(self) -> bool:
        """Whether no message is waiting."""
        try:
            self._reader.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
        return False

    def qsize(self) -> int:
        """Return 0 if no message is waiting, else 1: the kernel does not count them."""
        return 0 if self.empty() else 1

    def close(self) -> None:
        """Do nothing: the sockets close with the process. django-q2 calls this before it waits for the readers."""

    def join_thread(self) -> None:
        """Do nothing: put() has sent the message when it returns."""
