"""An unnamed file that two processes append to."""

from __future__ import annotations

import fcntl
import os
import tempfile


class SharedFile:
    """An unnamed file, in memory where the system has memfd_create(). Every write appends, in either process."""

    def __init__(self, name: str) -> None:
        if hasattr(os, "memfd_create"):
            self.fd = os.memfd_create(name)
        else:
            with tempfile.TemporaryFile() as file:
                self.fd = os.dup(file.fileno())
        fcntl.fcntl(self.fd, fcntl.F_SETFL, fcntl.fcntl(self.fd, fcntl.F_GETFL) | os.O_APPEND)
        self.inode = os.fstat(self.fd).st_ino

    def is_open(self) -> bool:
        """Whether the descriptor still refers to this file. A task may have closed it, or put another in its place."""
        try:
            return os.fstat(self.fd).st_ino == self.inode
        except OSError:
            return False

    def size(self) -> int:
        """Return the size in bytes."""
        return os.fstat(self.fd).st_size

    def changed_at(self) -> int:
        """Return when it was written last, in nanoseconds."""
        return os.fstat(self.fd).st_mtime_ns

    def append(self, data: bytes) -> None:
        """Append all of `data`."""
        written = os.write(self.fd, data)
        while written < len(data):
            written += os.write(self.fd, data[written:])

    def read(self, start: int, length: int) -> bytes:
        """Return at most `length` bytes from `start`."""
        return os.pread(self.fd, length, start)

    def truncate(self, size: int) -> None:
        """Cut the file to `size` bytes."""
        os.ftruncate(self.fd, size)

    def close(self) -> None:
        """Close the descriptor. The memory is freed once the other process has ended, too."""
        os.close(self.fd)
