"""Event streams in gzip (RFC 1952), compressed once for all streams. Pure.

Each part of a stream is compressed by itself, up to a full flush: its blocks end at a byte and refer to nothing before
them, so they fit into any stream (RFC 1951). A stream keeps a checksum, and no compressor.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from functools import cached_property

_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""gzip, deflate, no file name, no time, unknown system."""
_LAST_BLOCK = b"\x03\x00"
_STORED = 128
"""Parts shorter than this, in bytes, are not compressed: they would hardly become shorter."""
_LEVEL = 3
"""10 us for a queue of twenty jobs, which becomes a tenth as long; level 6 takes twice as long for a few bytes less."""


class Part(bytes):
    """Bytes that many streams send. They are compressed at most once."""

    @cached_property
    def blocks(self) -> bytes:
        """The bytes as deflate blocks."""
        return _blocks(self)


class GzipBody:
    """The body of one response: encode() as often as there is something to send, then end()."""

    __slots__ = ("_crc", "_size")

    def __init__(self) -> None:
        self._crc = 0
        self._size = -1  # nothing was sent, not even the header

    def encode(self, parts: Iterable[bytes]) -> bytes:
        """Return these parts in gzip. A client can read them as soon as they arrive."""
        encoded = [] if self._size >= 0 else [_HEADER]
        self._size = max(self._size, 0)
        for part in parts:
            encoded.append(part.blocks if isinstance(part, Part) else _blocks(part))
            self._crc = zlib.crc32(part, self._crc)
            self._size += len(part)
        return b"".join(encoded)

    def end(self) -> bytes:
        """Return what ends the body: without it, some clients call a stream that was ended broken."""
        trailer = self._crc.to_bytes(4, "little") + (max(self._size, 0) % 2**32).to_bytes(4, "little")
        return self.encode(()) + _LAST_BLOCK + trailer


def _blocks(data: bytes) -> bytes:
    if len(data) < _STORED:
        length = len(data)
        return b"\x00" + length.to_bytes(2, "little") + (length ^ 0xFFFF).to_bytes(2, "little") + data
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush(zlib.Z_FULL_FLUSH)
