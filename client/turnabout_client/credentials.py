"""Where tokens are kept: in memory, or in a file that processes share."""

from __future__ import annotations

import os
import tempfile
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import Any, Protocol

import msgspec
from filelock import AsyncFileLock, FileLock

from ._address import api_root

LOCK_SECONDS = 60.0
"""Seconds to wait for another process that renews the tokens."""


class Tokens(msgspec.Struct, frozen=True):
    """An access token, and the refresh token that gives the next pair once."""

    access: str
    refresh: str

    def __repr__(self) -> str:
        return "Tokens(...)"


class TokenStore(Protocol):
    """Keeps a pair of tokens. Whoever holds the lock is the only one to renew them."""

    def read(self) -> Tokens | None:
        """Return the present pair; None: there is none."""

    def write(self, tokens: Tokens | None) -> None:
        """Replace the pair."""

    def locked(self) -> AbstractContextManager[Any]:
        """Return a lock that excludes other clients with the same store."""

    def locked_async(self) -> AbstractAsyncContextManager[Any]:
        """The same, without blocking the event loop."""


class MemoryTokens:
    """Tokens of one client, gone with it."""

    def __init__(self) -> None:
        self._tokens: Tokens | None = None

    def read(self) -> Tokens | None:
        """Return the present pair; None: there is none."""
        return self._tokens

    def write(self, tokens: Tokens | None) -> None:
        """Replace the pair."""
        self._tokens = tokens

    def locked(self) -> AbstractContextManager[Any]:
        """Return no lock: nobody else has this store."""
        return nullcontext()

    def locked_async(self) -> AbstractAsyncContextManager[Any]:
        """Return no lock: nobody else has this store."""
        return nullcontext()


class FileTokens:
    """Tokens in a file that only its user may read, for each address of a site. Processes may share it.

    A change replaces the file as a whole, so a reader finds the old pair or the new one. `path`.lock is the lock.
    Raises ValueError if `site` is no address.
    """

    def __init__(self, path: Path, site: str) -> None:
        self.path = path
        self.site = api_root(site)

    def read(self) -> Tokens | None:
        """Return the present pair; None: there is none. Raises OSError if the file is there and cannot be read."""
        return self._all().get(self.site)

    def write(self, tokens: Tokens | None) -> None:
        """Replace the pair. Raises OSError."""
        pairs = {site: pair for site, pair in self._all().items() if site != self.site}
        if tokens is not None:
            pairs[self.site] = tokens
        self._folder()
        handle, temporary = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")  # of mode 0600
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.json.encode(pairs))
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self.path)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise

    def locked(self) -> AbstractContextManager[Any]:
        """Return a lock that excludes other processes. Raises filelock.Timeout after LOCK_SECONDS."""
        return FileLock(self._lock_path(), timeout=LOCK_SECONDS, mode=0o600)

    def locked_async(self) -> AbstractAsyncContextManager[Any]:
        """The same, without blocking the event loop."""
        return AsyncFileLock(self._lock_path(), timeout=LOCK_SECONDS, mode=0o600)

    def _lock_path(self) -> str:
        self._folder()
        return f"{self.path}.lock"

    def _folder(self) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _all(self) -> dict[str, Tokens]:
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=dict[str, Tokens])
        except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):  # what is no token file is as good as none
            return {}
