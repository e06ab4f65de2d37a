"""Nothing waits without a bound: what users and programs get while the database is busy."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import psutil
import psycopg
import pytest

from queueapp.db.routines import versioned
from tests.kit.site import Site

SITE = "turnabout_bounds"
POOL = 6
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"

SESSIONS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
QUICK = "statement_timeout%3D1s"


@pytest.fixture(scope="module")
def small_pool() -> Iterator[Site]:
    """A site without processors, whose web server has six connections."""
    running = Site(SITE, processors=1, DATABASE_POOL=str(POOL))
    running.start(cluster=False)
    yield running
    running.stop()


@contextmanager
def held(site: Site, lock: str) -> Iterator[None]:
    """Somebody's transaction holds a lock."""
    with psycopg.connect(site.database_url) as somebody:
        somebody.execute(lock)
        yield


def routing_lock() -> str:
    """What a change of rules holds, for which submissions wait."""
    return versioned("SELECT pg_advisory_xact_lock(queueapp_routing_lock())")


def test_while_submissions_wait_for_a_lock_others_read_their_queue(small_pool: Site) -> None:
    small_pool.user("reader")
    small_pool.user("sender")
    reader, senders = small_pool.client("reader"), [small_pool.client("sender") for _ in range(12)]

    def send(number: int) -> httpx.Response:
        return senders[number].post("jobs/", json={"job_id": f"held-{number}", "duration": 1.0})

    with held(small_pool, routing_lock()), ThreadPoolExecutor(12) as pool:
        sent = [pool.submit(send, number) for number in range(12)]
        reads = [reader.get("queue/").status_code]
        while not all(answer.done() for answer in sent):
            reads.append(reader.get("queue/").status_code)
        answers = [answer.result() for answer in sent]

    assert set(reads) == {200}
    assert {answer.status_code for answer in answers} == {503}
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in answers)
    assert {answer.headers["Content-Type"] for answer in answers} == {"application/problem+json"}
    assert send(0).status_code == 201


def test_submitters_who_hang_up_leave_connections_to_others_too(small_pool: Site) -> None:
    small_pool.user("patient")
    small_pool.user("hasty")
    reader, senders = small_pool.client("patient"), [small_pool.client("hasty") for _ in range(6)]

    def send_and_hang_up(number: int) -> None:
        for again in range(10):
            with pytest.raises(httpx.ReadTimeout):
                senders[number].post("jobs/", json={"job_id": f"hasty-{number}-{again}", "duration": 1.0}, timeout=0.3)

    waiting: set[int] = set()
    with held(small_pool, routing_lock()), ThreadPoolExecutor(6) as pool:
        sent = [pool.submit(send_and_hang_up, number) for number in range(6)]
        reads = [reader.get("queue/").status_code]
        while not all(answer.done() for answer in sent):
            reads.append(reader.get("queue/").status_code)
            waiting.add(small_pool.query(WAITING)[0][0])
        for answer in sent:
            answer.result()

    assert set(reads) == {200}
    assert max(waiting) == POOL // 2


@pytest.mark.slow
def test_a_page_and_a_list_that_cannot_be_read_now_say_so(small_pool: Site) -> None:
    small_pool.user("looker")
    client = small_pool.client("looker")
    with held(small_pool, "LOCK TABLE queueapp_job, accounts_user"):
        listed = client.get("jobs/")
        page = httpx.get(f"{small_pool.url}/login/")
        stream = client.get("events/")
        logged_in = client.post("token/", json={"username": "looker", "password": "wrong"})

    assert listed.status_code == 503
    assert listed.json()["status"] == 503
    assert listed.headers["Retry-After"]
    assert page.status_code == 200
    assert stream.status_code == 503
    assert logged_in.status_code == 503
    assert client.get("jobs/").status_code == 200


def test_a_person_gets_a_page_that_says_busy(small_pool: Site) -> None:
    small_pool.user("person", staff=True)
    with httpx.Client(base_url=small_pool.url, headers={"Referer": small_pool.url}) as browser:
        browser.get("/login/")
        form = {"username": "person", "password": "turnabout-test", "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
        assert browser.post("/login/", data=form).status_code == 302
        with held(small_pool, "LOCK TABLE queueapp_job, queueapp_waiting, queueapp_outcome"):
            page = browser.get("/")
        assert page.status_code == 503
        assert page.headers["Retry-After"]
        assert "Busy just now" in page.text
        assert browser.get("/").status_code == 200


@pytest.mark.slow
def test_a_server_that_stands_still_is_not_waited_for() -> None:
    site = Site("turnabout_still", processors=1, DATABASE_POOL="2")
    site.start(cluster=False, web=False)
    site.user("still")
    quick = Site("turnabout_still", 1, DATABASE_POOL="2", DATABASE_URL=f"{site.database_url}&options=-c%20{QUICK}")
    quick.start_web()
    client = quick.client("still")
    assert client.get("queue/").status_code == 200
    sessions = [psutil.Process(pid) for (pid,) in site.query(SESSIONS)]
    assert {session.name() for session in sessions} == {"postgres"}
    for session in sessions:
        session.suspend()
    try:
        assert client.get("queue/").status_code in {200, 503}  # rather than no answer for 30 s
        quick.until(lambda: client.get("queue/").status_code == 200, "other sessions are there")
    finally:
        for session in sessions:
            session.resume()
    quick.stop()
