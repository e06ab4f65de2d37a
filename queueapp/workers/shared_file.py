"""A file in memory that two processes append to."""

from __future__ import annotations

import fcntl
import os
import tempfile


class SharedFile:
    """A file in memory without a name. Every write appends, in either process."""

    def __init__(self, name: str) -> None:
        if hasattr(os, "memfd_create"):
            self.fd = os.memfd_create(name)
        else:
            with tempfile.TemporaryFile() as file:
                self.fd = os.dup(file.fileno())
        fcntl.fcntl(self.fd, fcntl.F_SETFL, fcntl.fcntl(self.fd, fcntl.F_GETFL) | os.O_APPEND)
        self.inode = os.fstat(self.fd).st_ino

    def is_open(self) -> bool:
        """Whether the descriptor is still this file: a task may have closed it, and opened another in its place."""
        try:
            return os.fstat(self.fd).st_ino == self.inode
        except OSError:
            return False

    def size(self) -> int:
        """Bytes that it holds."""
        return os.fstat(self.fd).st_size

    def append(self, data: bytes) -> None:
        """Write all of it at the end."""
        written = os.write(self.fd, data)
        while written < len(data):
            written += os.write(self.fd, data[written:])

    def read(self, start: int, length: int) -> bytes:
        """The bytes from `start`, as many as there are up to `length`."""
        return os.pread(self.fd, length, start)

    def truncate(self, size: int) -> None:
        """Drop what lies beyond."""
        os.ftruncate(self.fd, size)

    def close(self) -> None:
        """Give the memory back once the other process has ended."""
        os.close(self.fd)
