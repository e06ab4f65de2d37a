"""The queue between the processes of a cluster, with real processes."""

from __future__ import annotations

import itertools
import os
import signal
import time
from contextlib import suppress
from queue import Full

from queueapp.workers.packet_queue import PacketQueue
from tests.kit.forks import exit_code, fork, in_fork


def test_messages_come_in_order_and_each_to_one_reader() -> None:
    queue, found = PacketQueue(few=True), PacketQueue()

    def read() -> None:
        while (message := queue.get()) != "STOP":
            found.put(message)

    readers = [fork(read) for _ in range(3)]
    for n in range(100):
        queue.put({"n": n})
        assert found.get()["n"] == n, "one at a time: the order is known"
    for _ in readers:
        queue.put("STOP")
    assert [exit_code(reader) for reader in readers] == [0, 0, 0]
    assert queue.empty()
    assert found.empty()
    assert found.qsize() == 0


def test_a_reader_that_is_killed_while_it_waits_holds_up_no_other() -> None:
    queue, found = PacketQueue(), PacketQueue()
    readers = [fork(lambda: found.put((os.getpid(), queue.get()))) for _ in range(4)]
    time.sleep(0.2)  # all of them wait by then; any moment is right for the kill
    for reader in readers[:3]:
        os.kill(reader, signal.SIGKILL)
        exit_code(reader)
    queue.put("ticket")
    assert found.get() == (readers[3], "ticket")
    assert exit_code(readers[3]) == 0


def test_a_queue_for_few_messages_is_full_and_then_takes_more() -> None:
    def fill() -> tuple[int, str]:
        queue, many = PacketQueue(few=True), 0
        with suppress(Full):
            while many < 1_000:
                queue.put_nowait({"name": "a ticket", "args": (), "number": many})
                many += 1
        first = queue.get()["number"]
        queue.put_nowait("room again")
        return many, f"{first} was first"

    many, first = in_fork(fill)
    assert 1 <= many <= 10
    assert first == "0 was first"


def test_a_reader_without_messages_is_told_that_it_is_idle_again_and_again() -> None:
    def wait() -> list[float]:
        queue, moments = PacketQueue(), [time.monotonic()]

        def note() -> None:
            moments.append(time.monotonic())
            if len(moments) > 3:
                queue.put("enough")

        queue.call_when_idle(0.1, note)
        assert queue.get() == "enough"
        return [later - earlier for earlier, later in itertools.pairwise(moments)]

    waits = in_fork(wait)
    assert len(waits) == 3
    assert min(waits) >= 0.09
