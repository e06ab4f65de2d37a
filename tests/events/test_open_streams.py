"""What is handed out to which stream."""

from __future__ import annotations

import pytest

from queueapp.events import sse
from queueapp.events.access import StreamAccess
from queueapp.events.open_streams import IDLE_OFFERS, KEEP_ALIVE_SECONDS, OpenStreams
from queueapp.events.queries import EncodedCompletion, EncodedQueue
from queueapp.events.stream import Stream
from queueapp.policy.projection import Standing


def stream_of(user: int) -> Stream:
    """A stream whose first queue has been sent."""
    stream = Stream(StreamAccess(user, user, ""), 0)
    stream.offer_queue(sse.data("first"))
    stream.take()
    return stream


def queue(rows: int) -> EncodedQueue:
    return EncodedQueue(sse.data({"rows": rows}), rows, runs=False, flow=Standing())


@pytest.fixture
def open_streams() -> OpenStreams:
    return OpenStreams()


def test_what_is_read_of_a_user_goes_to_the_users_streams_and_to_no_other(open_streams: OpenStreams) -> None:
    ada, also_ada, bob = stream_of(1), stream_of(1), stream_of(2)
    for stream in (ada, also_ada, bob):
        open_streams.add(stream)
    open_streams.offer_queues({1: queue(1), 3: queue(1)})
    open_streams.offer_progress({1: sse.data([]), 3: sse.data([])})
    open_streams.offer_completions({1: 0}, [EncodedCompletion(1, 5, sse.data("done"))])
    assert ada.take() == also_ada.take() != b""
    assert bob.take() == b""


def test_a_user_who_has_left_is_forgotten(open_streams: OpenStreams) -> None:
    first, second = stream_of(1), stream_of(1)
    open_streams.add(first)
    open_streams.add(second)
    open_streams.offer_queues({1: queue(1)})
    assert not open_streams.remove(first)
    assert not open_streams.remove(first), "it has left already"
    assert (1 in open_streams, open_streams.count(1)) == (True, 1)
    assert open_streams.remove(second)
    assert (1 in open_streams, len(open_streams), open_streams.queues) == (False, 0, {})


def test_those_with_jobs_hear_every_estimate_and_the_others_what_is_news(open_streams: OpenStreams) -> None:
    busy, idle = stream_of(1), stream_of(2)
    open_streams.add(busy)
    open_streams.add(idle)
    open_streams.offer_queues({1: queue(1), 2: queue(0)})
    for stream in (busy, idle):
        stream.take()
    heard = []
    for now, gist in ((100.0, "4 processors"), (101.0, "4 processors"), (102.0, "5 processors")):
        open_streams.offer_estimates(b"e", gist, now)
        heard.append((busy.take(), idle.take()))
    assert heard == [(b"e", b"e"), (b"e", b""), (b"e", b"e")]
    open_streams.offer_estimates(b"e", "5 processors", 102.0 + KEEP_ALIVE_SECONDS)
    assert idle.take() == b"e", "a proxy would close a stream that is silent for long"


def test_of_many_idle_streams_some_are_told_in_each_round(open_streams: OpenStreams) -> None:
    streams = [stream_of(user) for user in range(3 * IDLE_OFFERS)]
    for stream in streams:
        open_streams.add(stream)
    told = [0] * len(streams)
    rounds = []
    for second in range(20):
        open_streams.offer_estimates(b"e", f"news of {second}", 100.0 + second)
        now = [stream.take() == b"e" for stream in streams]
        told = [many + one for many, one in zip(told, now, strict=True)]
        rounds.append(sum(now))
    assert max(rounds) == IDLE_OFFERS
    assert min(told) >= 5, "nobody is left out, though there is news all the time"


def test_while_the_database_is_away_streams_are_kept_alive(open_streams: OpenStreams) -> None:
    stream = stream_of(1)
    open_streams.add(stream)
    open_streams.offer_estimates(b"e", "", 100.0)
    stream.take()
    open_streams.keep_alive(100.0 + KEEP_ALIVE_SECONDS - 1)
    assert stream.take() == b""
    open_streams.keep_alive(100.0 + KEEP_ALIVE_SECONDS)
    assert stream.take() == sse.KEEP_ALIVE
