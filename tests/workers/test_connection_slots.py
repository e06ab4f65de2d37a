"""Slots for connections, with real processes; and a cluster that has fewer connections than processors."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from queueapp.workers.connection_slots import ConnectionSlots, slots_of
from queueapp.workers.packet_queue import PacketQueue
from tests.kit.forks import exit_code, fork, wait_to_be_ended
from tests.kit.site import Site

MOST = 7
"""Connections of the cluster: two for its six workers, two for tasks."""


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    running = Site("turnabout_slots", processors=6, CLUSTER_CONNECTIONS=str(MOST))
    running.start()
    yield running
    running.stop()


@pytest.mark.parametrize(
    ("processors", "connections", "slots"), [(4, 72, (4, 4)), (34, 72, (34, 34)), (256, 72, (34, 35)), (9, 5, (1, 1))]
)
def test_small_clusters_have_a_connection_for_each(processors: int, connections: int, slots: tuple[int, int]) -> None:
    assert slots_of(processors, connections) == slots


def _await_waiting(slots: ConnectionSlots) -> None:
    while not slots.wanted:
        os.sched_yield()


@pytest.mark.parametrize("dies", [0, 1])
def test_so_many_processes_have_a_slot_and_the_next_gets_any_that_becomes_free(dies: int) -> None:
    slots, taken = ConnectionSlots(), PacketQueue()
    slots.share(2, processes=4)

    def take() -> None:
        slots.take()
        slots.take()  # again: it has one
        taken.put(os.getpid())
        wait_to_be_ended()

    first = [fork(take), fork(take)]
    assert {taken.get(), taken.get()} == set(first)
    assert not slots.wanted
    third = fork(take)
    _await_waiting(slots)
    assert taken.empty()
    os.kill(first[dies], signal.SIGKILL)
    assert taken.get() == third
    assert not slots.wanted
    for process in (first[1 - dies], third):
        os.kill(process, signal.SIGKILL)
    assert {exit_code(process) for process in (*first, third)} == {-signal.SIGKILL}


def test_a_process_that_gives_its_slot_back_lets_another_have_it() -> None:
    slots = ConnectionSlots()
    slots.share(1, processes=2)
    first, go_on = PacketQueue(), PacketQueue()

    def take_and_give_back() -> None:
        slots.take()
        first.put("taken")
        go_on.get()
        slots.give_back()
        wait_to_be_ended()

    holder = fork(take_and_give_back)
    assert first.get() == "taken"
    other = fork(slots.take)
    _await_waiting(slots)
    go_on.put("give back")
    assert exit_code(other) == 0
    os.kill(holder, signal.SIGKILL)
    exit_code(holder)


def test_processors_share_few_connections_and_lose_no_attempt(site: Site) -> None:
    """All six work at the same time, on jobs that are long, tiny, or use the database."""
    site.user("ada")
    most, over = [0], threading.Event()

    def watch() -> None:
        seen: set[int] = set()
        while not over.wait(0.02):
            rows = site.query(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
                " AND application_name <> 'turnabout-web'"
            )
            before, seen = seen, {pid for (pid,) in rows}
            # In two looks: the server's process outlives a connection by a moment.
            most[0] = max(most[0], len(before & seen))

    watcher = threading.Thread(target=watch)
    watcher.start()
    with site.client("ada") as api:
        jobs = [{"job_id": f"long-{n}", "duration": 2.0} for n in range(6)]
        jobs += [{"job_id": f"db-{n}", "duration": 0.01, "task": "database"} for n in range(12)]
        jobs += [{"job_id": f"tiny-{n}", "duration": 0.001} for n in range(300)]
        api.post("jobs/bulk/", json={"jobs": jobs}).raise_for_status()
        site.wait_for("SELECT count(*) = 6 FROM queueapp_processor p JOIN queueapp_job j ON j.id = p.job_id")
        site.wait_for("SELECT count(*) = 318 FROM queueapp_outcome")
    over.set()
    watcher.join()
    assert site.query("SELECT count(*) FROM queueapp_outcome WHERE status <> 'succeeded' OR attempt <> 1") == [(0,)]
    assert 3 < most[0] <= MOST
