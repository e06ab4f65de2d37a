"""One client's stream without a server: what it keeps for a client that reads slowly."""

from __future__ import annotations

import pytest

from queueapp.events import sse
from queueapp.events import stream as module
from queueapp.events.access import StreamAccess
from queueapp.events.queries import EncodedCompletion
from queueapp.events.stream import Stream


def completion(number: int) -> EncodedCompletion:
    return EncodedCompletion(1, number, sse.data({"n": number}))


def sent(stream: Stream) -> list[bytes]:
    """The events that are in line."""
    return [event + b"\n\n" for event in stream.take().split(b"\n\n")[:-1]]


@pytest.fixture
def stream() -> Stream:
    """A stream after 5 whose first queue has been sent."""
    begun = Stream(StreamAccess(1, 1, ""), cursor=5)
    begun.offer_queue(sse.data("first"))
    begun.take()
    return begun


def test_of_queues_the_latest_is_sent_and_progress_before_it_is_dropped(stream: Stream) -> None:
    stream.offer_queue(sse.data("old"))
    stream.offer_progress(sse.data("of the old"))
    stream.offer_queue(sse.data("new"))
    assert sent(stream) == [b'event: queue\ndata: "new"\n\n']
    assert sent(stream) == []


def test_completions_are_told_once_and_in_order(stream: Stream) -> None:
    for number in (5, 6, 7, 6):
        stream.offer_completion(completion(number))
    assert stream.cursor == 7
    assert [event.split(b"\n")[1] for event in sent(stream)] == [b"id: 6", b"id: 7"]


def test_a_full_stream_keeps_its_cursor_so_that_the_rest_is_read_again(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_COMPLETIONS", 2)
    for number in (6, 7, 8):
        stream.offer_completion(completion(number))
    assert (stream.full, stream.behind, stream.cursor) == (True, True, 7)


def test_a_cursor_ahead_of_all_is_reset_with_the_next_queue() -> None:
    stream = Stream(StreamAccess(1, 1, ""), cursor=3, reset=True)
    stream.offer_queue(sse.data("q"))
    assert sent(stream) == [b'event: reset\nid: 3\ndata: "q"\n\n']


def test_nothing_comes_before_the_first_queue_but_comments() -> None:
    stream = Stream(StreamAccess(1, 1, ""), cursor=5, reset=True)
    stream.offer_completion(completion(6))
    stream.offer_progress(sse.data("p"))
    stream.offer_estimates(b"event: estimates\n\n", "gist", 1.0)
    assert stream.take() == b""
    stream.offer_estimates(sse.KEEP_ALIVE, None, 2.0)
    assert stream.take() == sse.KEEP_ALIVE
    stream.offer_queue(sse.data("q"))
    events = [b'event: reset\nid: 5\ndata: "q"\n\n', b'event: completed\nid: 6\ndata: {"n":6}\n\n']
    assert sent(stream) == events
    stream.restart(3)
    stream.offer_completion(completion(4))
    assert stream.take() == b"", "a reset that came later would take the client back"
    stream.offer_queue(sse.data("q"))
    assert [event.split(b"\n")[1] for event in sent(stream)] == [b"id: 3", b"id: 4"]


def test_a_restart_keeps_what_the_client_is_still_to_be_told(stream: Stream) -> None:
    for number in (6, 7):
        stream.offer_completion(completion(number))
    stream.restart(6)
    stream.offer_queue(sse.data("q"))
    assert sent(stream) == [
        b'event: reset\nid: 6\ndata: "q"\n\n',
        b'event: completed\nid: 6\ndata: {"n":6}\n\n',
    ]


def test_it_is_woken_when_there_is_something_to_send(stream: Stream) -> None:
    woken: list[bytes] = []
    stream.wake = lambda: woken.append(stream.take())
    stream.offer_estimates(b"event: estimates\n\n", "gist", 1.0)
    stream.offer_completion(completion(6))
    stream.end()
    assert woken == [b"event: estimates\n\n", b'event: completed\nid: 6\ndata: {"n":6}\n\n', b""]
