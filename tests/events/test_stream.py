"""One client's stream without a server: what it keeps for a client that reads slowly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from queueapp.events import sse
from queueapp.events import stream as module
from queueapp.events.access import StreamAccess
from queueapp.events.queries import EncodedCompletion
from queueapp.events.stream import Stream


def completion(number: int) -> EncodedCompletion:
    return EncodedCompletion(1, number, sse.data({"n": number}))


def sent(stream: Stream, *offers: Callable[[], None]) -> list[bytes]:
    """All that is sent after these offers, its first line, `retry:`, aside."""

    async def read() -> list[bytes]:
        parts = []
        for offer in offers:
            offer()
        events = stream.events()
        assert (await anext(events)).startswith(b"retry:")
        while stream._something.is_set() or stream._completions or stream._queue or stream._progress:
            parts.append(await anext(events))
        return parts

    return asyncio.run(asyncio.wait_for(read(), 10))


@pytest.fixture
def stream() -> Stream:
    return Stream(StreamAccess(1, 1, ""), cursor=5)


def test_of_queues_the_latest_is_sent_and_progress_before_it_is_dropped(stream: Stream) -> None:
    parts = sent(
        stream,
        lambda: stream.offer_queue(sse.data("old")),
        lambda: stream.offer_progress(sse.data("of the old")),
        lambda: stream.offer_queue(sse.data("new")),
    )
    assert parts == [b'event: queue\ndata: "new"\n\n']


def test_completions_are_told_once_and_in_order(stream: Stream) -> None:
    for number in (5, 6, 7, 6):
        stream.offer_completion(completion(number))
    assert stream.cursor == 7
    assert [done.number for done in stream._completions] == [6, 7]


def test_a_full_stream_keeps_its_cursor_so_that_the_rest_is_read_again(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_COMPLETIONS", 2)
    for number in (6, 7, 8):
        stream.offer_completion(completion(number))
    assert (stream.full, stream.behind, stream.cursor) == (True, True, 7)


def test_a_cursor_ahead_of_all_is_reset_with_the_next_queue() -> None:
    stream = Stream(StreamAccess(1, 1, ""), cursor=3, reset=True)
    assert sent(stream, lambda: stream.offer_queue(sse.data("q"))) == [b'event: reset\nid: 3\ndata: "q"\n\n']
