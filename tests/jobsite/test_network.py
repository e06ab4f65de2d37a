"""The network to the database is cut in silence, and mended."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest
from httpx_sse import connect_sse

from tests.kit import network
from tests.kit.network import Network
from tests.kit.site import Site

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(network.missing()), reason=network.missing())]

LISTENING = """
    SELECT count(*) > 0 FROM pg_stat_activity
     WHERE datname = current_database() AND query IN ('LISTEN queueapp_owners', 'SELECT 1') AND backend_start > %s
"""


@pytest.fixture(scope="module")
def far() -> Iterator[tuple[Site, Network]]:
    """A site without processors, and the network between its web server and the database."""
    near = Site("turnabout_network", processors=1)
    wire = Network(near.database_url)
    site = Site("turnabout_network", processors=1, DATABASE_URL=wire.database_url)
    site.start(cluster=False)
    yield site, wire
    site.stop()
    wire.close()


def _answer(client: httpx.Client) -> int:
    return client.get("queue/").status_code


def test_after_a_silent_cut_the_site_answers_again(far: tuple[Site, Network]) -> None:
    site, wire = far
    site.user("waits")
    client = site.client("waits")
    assert _answer(client) == 200
    wire.cut()
    try:
        # Each is answered: the client would give up after 30 s.
        assert {_answer(client) for _ in range(4)} == {503}
    finally:
        wire.mend()
    site.until(lambda: _answer(client) == 200, "the queue can be read again")


def test_a_half_open_connection_of_the_hub_is_made_anew(far: tuple[Site, Network]) -> None:
    site, wire = far
    site.user("listens")
    client = site.client("listens")
    with connect_sse(client, "GET", "events/") as stream:
        events = stream.iter_sse()
        assert any(event.event == "queue" for event in events)
        site.wait_for(LISTENING, "-infinity")
        [[before]] = site.query("SELECT clock_timestamp()")
        wire.forget()
        site.wait_for(LISTENING, before)
        client.post("jobs/", json={"job_id": "after", "duration": 1.0}).raise_for_status()
        assert any(event.event == "queue" and "after" in event.data for event in events)


def test_a_job_that_ends_while_the_database_is_away_is_settled_once_it_is_back(far: tuple[Site, Network]) -> None:
    """Its lease runs out meanwhile. It has cost one attempt."""
    site, wire = far
    site.user("patient")
    site.start_cluster()
    client = site.client("patient")
    job = {"job_id": "long", "duration": 2.0, "task": "nap", "payload": {"seconds": 2.0}}
    client.post("jobs/", json=job).raise_for_status()
    running = "SELECT count(*) = 1 FROM queueapp_processor WHERE job_id IS NOT NULL"
    site.wait_for(running)
    wire.cut()
    try:
        time.sleep(16)  # the last heartbeat fails after five, and each attempt to connect, too
    finally:
        wire.mend()
    site.until(lambda: _answer(client) == 200, "the queue can be read again")
    site.until(lambda: client.get("jobs/long/").json()["status"] == "succeeded", "its outcome is settled")
    assert client.get("jobs/long/").json()["attempt"] == 1
