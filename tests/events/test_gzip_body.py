"""The body of a stream in gzip: what clients make of it."""

from __future__ import annotations

import gzip
import zlib

from hypothesis import given
from hypothesis import strategies as st

from queueapp.events.gzip_body import GzipBody, Part

PARTS = st.lists(st.binary(max_size=300) | st.integers(0, 200_000).map(lambda many: b"row " * (many // 4)), max_size=8)


@given(PARTS, st.integers(1, 3))
def test_the_parts_of_two_streams_are_what_their_clients_read(parts: list[bytes], together: int) -> None:
    shared = [Part(part) for part in parts]
    for stream in (shared, shared[1:]):
        body = GzipBody()
        sent = [body.encode(stream[start : start + together]) for start in range(0, len(stream), together)]
        assert gzip.decompress(b"".join([*sent, body.end()])) == b"".join(stream)


def test_a_part_can_be_read_as_soon_as_it_arrives() -> None:
    body, client = GzipBody(), zlib.decompressobj(16 + zlib.MAX_WBITS)
    for part in (b"retry: 1\n\n", b"data: " + b"x" * 5_000 + b"\n\n", b": still here\n\n"):
        assert client.decompress(body.encode([Part(part)])) == part


def test_a_part_is_compressed_once_for_all_streams() -> None:
    part = Part(b"data: " + b'{"status":"queued"},' * 200)
    first, second = GzipBody().encode([part]), GzipBody().encode([part])
    assert first == second
    assert len(first) < len(part) / 10
    assert part.blocks is part.blocks
