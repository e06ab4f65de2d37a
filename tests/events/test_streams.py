"""The event stream of a real site, read by a real client."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from httpx_sse import EventSource, ServerSentEvent, connect_sse

from queueapp.events import sse
from tests.kit.site import PASSWORD, Site


@contextmanager
def stream(client: httpx.Client, **headers: str) -> Iterator[Iterator[ServerSentEvent]]:
    """The events of a client's stream, as they come; one that fails to come within the client's timeout raises."""
    with connect_sse(client, "GET", "events/", headers=headers) as source:
        yield source.iter_sse()


def first(events: Iterator[ServerSentEvent], name: str, holds: Any = lambda data: True) -> Any:
    """The data of the first event of this name for which `holds`."""
    for event in events:
        if event.event == name and holds(event.json()):
            return event.json()
    raise AssertionError(f"the stream ended without {name}")


def submit(client: httpx.Client, job_id: str, duration: float = 0.01) -> None:
    client.post("jobs/", json={"job_id": job_id, "duration": duration}).raise_for_status()


def log_in(browser: httpx.Client, name: str) -> None:
    browser.get("/login/")
    form = {"username": name, "password": PASSWORD, "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
    assert browser.post("/login/", data=form).status_code == 200


def test_a_stream_begins_with_the_queue_and_follows_a_job_to_its_end(site: Site) -> None:
    site.user("lea")
    with site.client("lea") as client, stream(client) as events:
        queue = first(events, "queue")
        assert (queue["user"], queue["running"], queue["waiting"]) == ("lea", [], [])
        submit(client, "job", 1.5)
        running = first(events, "queue", lambda data: data["running"])["running"]
        assert [job["job_id"] for job in running] == ["job"]
        progress = [first(events, "progress", lambda data: data["jobs"])["jobs"][0] for _ in range(2)]
        assert progress[0]["time_spent"] < progress[1]["time_spent"] < 2
        assert progress[0]["progress"] <= progress[1]["progress"]
        done = first(events, "completed")
        assert (done["job_id"], done["status"]) == ("job", "succeeded")


def test_a_stream_is_compressed_for_who_takes_gzip_and_a_whole_gzip_file_when_it_ends(site: Site) -> None:
    site.user("zip")
    with httpx.Client(base_url=site.url, follow_redirects=True, timeout=20) as browser:
        log_in(browser, "zip")
        with browser.stream("GET", "/api/v1/events/") as answer:
            assert (answer.headers["content-encoding"], answer.headers["vary"]) == ("gzip", "Accept-Encoding")
            received = b""
            for part in answer.iter_raw():
                received += part
                if len(received) > 600 and "sessionid" in browser.cookies:  # the first queue has come: log out
                    browser.post("/logout/", data={"csrfmiddlewaretoken": browser.cookies["csrftoken"]})
    text = gzip.decompress(received)  # raises if the end or the checksum is missing
    assert text.startswith(b"retry: ")
    assert b"event: queue\nid: 0\ndata: " in text


def test_a_client_that_does_not_take_gzip_gets_plain_text(site: Site) -> None:
    site.user("tex")
    for sent in ("identity", "gzip;q=0, identity"):
        with site.client("tex") as client, client.stream("GET", "events/", headers={"Accept-Encoding": sent}) as answer:
            assert "content-encoding" not in answer.headers
            assert next(answer.iter_raw()).startswith(b"retry: ")


def test_a_client_that_names_only_the_type_of_errors_gets_the_stream(site: Site) -> None:
    """As the Python client of OpenAPI Generator does: of several types it sends but the one that has "json" in it."""
    site.user("gia")
    headers = {"Accept": "application/problem+json"}
    with site.client("gia") as client, client.stream("GET", "events/", headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")


def test_nobody_is_told_of_anothers_jobs(site: Site) -> None:
    site.user("max")
    site.user("nia")
    with site.client("max") as max_client, site.client("nia") as nia_client, stream(nia_client) as events:
        first(events, "queue")
        submit(max_client, "private")
        submit(nia_client, "own")
        seen = []
        for event in events:
            seen.append(event.data)
            if event.event == "completed":
                break
    assert "own" in seen[-1]
    assert not any("private" in data for data in seen)


def test_who_comes_back_gets_every_completion_that_was_missed(site: Site) -> None:
    site.user("oda")
    with site.client("oda") as client:
        with stream(client) as events:
            first(events, "queue")
            submit(client, "seen")
            last = next(event.id for event in events if event.event == "completed")
        names = [f"missed-{n}" for n in range(700)]
        jobs = [{"job_id": name, "duration": 0.001} for name in names]
        client.post("jobs/bulk/", json={"jobs": jobs}).raise_for_status()
        site.wait_for(
            "SELECT count(*) = 701 FROM queueapp_outcome o JOIN queueapp_owner w ON w.id = o.owner_id"
            " JOIN accounts_user u ON u.id = w.user_id"
            " WHERE username = 'oda'"
        )
        with stream(client, **{"Last-Event-ID": last}) as events:
            got = []
            for event in events:
                if event.event == "completed":
                    got.append((event.json()["job_id"], int(event.id)))
                if len(got) == len(names):
                    break
    assert sorted(name for name, _ in got) == sorted(names)
    numbers = [number for _, number in got]
    assert numbers == sorted(set(numbers))
    assert numbers[0] > int(last)


def test_who_is_ahead_of_all_is_told_so_and_goes_on_from_the_last(site: Site) -> None:
    """As after a restore of the database from a backup."""
    site.user("ute")
    with site.client("ute") as client:
        with stream(client) as events:
            first(events, "queue")
            submit(client, "before")
            last = next(event.id for event in events if event.event == "completed")
        with stream(client, **{"Last-Event-ID": str(10**15)}) as events:
            event = next(event for event in events if event.data)
            assert (event.event, event.id, event.json()["user"]) == ("reset", last, "ute")
            assert event.json()["waiting"] == []
            submit(client, "after")
            assert first(events, "completed")["job_id"] == "after"


def test_a_stream_that_is_open_while_the_database_is_restored_is_told_so(site: Site) -> None:
    site.user("vic")
    with site.client("vic") as client, stream(client) as events:
        first(events, "queue")
        submit(client, "before")
        last = next(event.id for event in events if event.event == "completed")
        submit(client, "after")
        first(events, "completed")
        site.query(
            "WITH gone AS (DELETE FROM queueapp_outcome o USING queueapp_owner w, accounts_user u"
            "               WHERE w.id = o.owner_id AND u.id = w.user_id AND username = 'vic'"
            "                 AND number > %s RETURNING job_id)"
            "DELETE FROM queueapp_job WHERE id IN (SELECT job_id FROM gone)",
            int(last),
        )
        site.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert next(event.id for event in events if event.event == "reset") == last


def test_a_session_follows_as_well(site: Site) -> None:
    site.user("pia")
    with httpx.Client(base_url=site.url, follow_redirects=True) as browser:
        log_in(browser, "pia")
        with browser.stream("GET", "/api/v1/events/") as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            assert first(EventSource(answer).iter_sse(), "queue")["user"] == "pia"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nonsense"}])
def test_a_stream_needs_a_user(site: Site, headers: dict[str, str]) -> None:
    answer = httpx.get(f"{site.url}/api/v1/events/", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == 401


def test_many_streams_of_one_user_are_all_told(site: Site) -> None:
    site.user("quo")
    told = []

    def follow(client: httpx.Client, ready: threading.Barrier) -> None:
        with stream(client) as events:
            first(events, "queue")
            ready.wait(20)
            told.append(first(events, "completed")["job_id"])

    ready = threading.Barrier(6)
    clients = [site.client("quo") for _ in range(5)]
    followers = [threading.Thread(target=follow, args=(client, ready)) for client in clients]
    for follower in followers:
        follower.start()
    ready.wait(20)
    submit(clients[0], "shared")
    for follower in followers:
        follower.join(20)
    assert told == ["shared"] * 5


def test_the_streams_survive_a_lost_database_connection(site: Site) -> None:
    site.user("ria")
    with site.client("ria") as client, stream(client) as events:
        first(events, "queue")
        site.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        # Refused connections may fail requests for a moment; what was accepted is told.
        for _ in range(50):
            answer = client.post("jobs/", json={"job_id": "after", "duration": 0.01})
            if answer.is_success:
                break
        assert first(events, "completed")["job_id"] == "after"


def test_events_are_encoded_as_the_standard_says() -> None:
    assert sse.event("queue", sse.data({"a": "two\nlines"})) == b'event: queue\ndata: {"a":"two\\nlines"}\n\n'
    assert sse.event("completed", sse.data({}), 7) == b"event: completed\nid: 7\ndata: {}\n\n"
    assert sse.KEEP_ALIVE.startswith(b":")
