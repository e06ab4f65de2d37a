"""Every client is told of every completion of its user exactly once and in order, whatever happens in between."""

from __future__ import annotations

import re
from collections import defaultdict

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from queueapp.events import sse
from queueapp.events import stream as stream_module
from queueapp.events.access import StreamAccess
from queueapp.events.open_streams import OpenStreams
from queueapp.events.queries import EncodedCompletion, EncodedQueue
from queueapp.events.stream import Stream
from queueapp.policy.projection import Standing

USERS = (1, 2)
BATCH, ROOM = 3, 4
"""Completions that one read returns of a user, and that a stream keeps; small, so that both are reached."""
EVENT = re.compile(rb"^event: (\w+)\nid: (\d+)$", re.MULTILINE)


class Client:
    """A client, and what it has been told. It reconnects with the last id that it saw, as an EventSource does.

    `began`: the number from which on it must be told of all. One that asked for nothing begins with the present; it
    knows where that was once it has seen an id.
    """

    def __init__(self, user: int, after: int | None) -> None:
        self.user, self.began, self.told, self.last = user, after, list[int](), after

    def connect(self, present: int) -> None:
        self.stream = Stream(StreamAccess(self.user, self.user, ""), present if self.last is None else self.last)

    def read(self) -> None:
        for name, number in EVENT.findall(self.stream.take()):
            self.last = int(number)
            if self.began is None:
                self.began = self.last
            if name == b"completed":
                self.told.append(self.last)


class ToldOnce(RuleBasedStateMachine):
    """Streams of a few users, beside a database that is only a list of numbers for each."""

    clients = Bundle("clients")

    @initialize()
    def begin(self) -> None:
        self.room, stream_module.MAX_COMPLETIONS = stream_module.MAX_COMPLETIONS, ROOM
        self.open_streams, self.numbers = OpenStreams(), iter(range(1, 1_000_000))
        self.done: defaultdict[int, list[int]] = defaultdict(list)
        self.all: list[Client] = []

    def teardown(self) -> None:
        if not hasattr(self, "open_streams"):
            return
        try:
            for _ in range(200):
                self.send_queues()
                self.tick()
                for client in self.all:
                    client.read()
            for client in self.all:
                assert client.began is not None
                assert client.told == [number for number in self.done[client.user] if number > client.began]
        finally:
            stream_module.MAX_COMPLETIONS = self.room

    @rule(target=clients, user=st.sampled_from(USERS), back=st.none() | st.integers(0, 5))
    def connect(self, user: int, back: int | None) -> Client:
        """Begin with the present, or so many completions back."""
        known = [0, *self.done[user]]
        client = Client(user, None if back is None else known[max(len(known) - 1 - back, 0)])
        client.connect(known[-1])
        self.open_streams.add(client.stream)
        self.all.append(client)
        return client

    @rule(user=st.sampled_from(USERS), many=st.integers(1, 6))
    def settle(self, user: int, many: int) -> None:
        self.done[user] += [next(self.numbers) for _ in range(many)]

    @rule()
    def tick(self) -> None:
        for after in self.open_streams.cursors(USERS):
            self.open_streams.offer_completions(
                after,
                [
                    EncodedCompletion(user, number, b"data: 1\n\n")
                    for user, last in after.items()
                    for number in [number for number in self.done[user] if number > last][:BATCH]
                ],
            )

    @rule()
    def send_queues(self) -> None:
        """Until its first queue has come, a client hears of nothing else."""
        queue = EncodedQueue(sse.data("q"), 0, runs=False, flow=Standing())
        self.open_streams.offer_queues(dict.fromkeys(USERS, queue))

    @rule(client=clients)
    def read(self, client: Client) -> None:
        client.read()

    @rule(client=clients)
    def reconnect(self, client: Client) -> None:
        """What was in line for the old connection, and not read, is lost with it."""
        self.open_streams.remove(client.stream)
        client.connect([0, *self.done[client.user]][-1])
        self.open_streams.add(client.stream)

    @rule(client=consumes(clients))
    def leave(self, client: Client) -> None:
        self.open_streams.remove(client.stream)
        self.all.remove(client)

    @invariant()
    def nobody_is_told_twice_or_of_anothers(self) -> None:
        for client in getattr(self, "all", ()):
            assert client.told == sorted(set(client.told))
            assert set(client.told) <= set(self.done[client.user])


TestToldOnce = ToldOnce.TestCase
TestToldOnce.settings = settings(max_examples=150, stateful_step_count=40)
