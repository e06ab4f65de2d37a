"""The whole path, for real: submit over HTTP, processors of a real cluster work, the stream tells."""

from __future__ import annotations

import hashlib
import time
from typing import Any

import pytest
from httpx_sse import connect_sse

from tests.kit.site import BASE, Site


def until_finished(client: Any, job_id: str) -> dict[str, Any]:
    """The job once it has ended, from the event stream's point of view: it is told, not asked for."""
    with connect_sse(client, "GET", "events/", headers={"Last-Event-ID": "0"}) as stream:
        for event in stream.iter_sse():
            if event.event == "completed" and event.json()["job_id"] == job_id:
                found: dict[str, Any] = event.json()
                return found
    raise AssertionError("the stream ended")


def test_a_job_runs_and_its_owner_is_told(site: Site) -> None:
    site.user("ada")
    with site.client("ada") as client:
        answer = client.post("jobs/", json={"job_id": "first", "duration": 0.3})
        assert answer.status_code == 201
        assert answer.json()["status"] in {"queued", "running"}
        done = until_finished(client, "first")
        assert done["status"] == "succeeded"
        assert done["time_spent"] == pytest.approx(0.3, abs=0.2)
        assert done["progress"] == 1.0
        assert client.get("jobs/first/").json() == done


def test_checksum_is_real_work(site: Site) -> None:
    site.user("chika")
    with site.client("chika") as client:
        ask = {"job_id": "sum", "duration": 0.1, "task": "checksum", "payload": {"path": "hello.txt"}}
        assert client.post("jobs/", json=ask).status_code == 201
        content = (BASE / "tests/files/hello.txt").read_bytes()
        assert until_finished(client, "sum")["result"] == {
            "sha256": hashlib.sha256(content).hexdigest(),
            "bytes": len(content),
        }


def test_a_failing_job_says_why(site: Site) -> None:
    site.user("fay")
    with site.client("fay") as client:
        ask = {"job_id": "gone", "duration": 0.1, "task": "checksum", "payload": {"path": "not-there"}}
        assert client.post("jobs/", json=ask).status_code == 201
        done = until_finished(client, "gone")
        assert done["status"] == "failed"
        assert done["error"] == "There is no file 'not-there'."


def test_an_idle_site_starts_a_job_at_once(site: Site) -> None:
    """By notification: far below the second that the poll behind it takes."""
    site.user("iris")
    waits = []
    with site.client("iris") as client:
        for n in range(5):
            client.post("jobs/", json={"job_id": f"quick-{n}", "duration": 0.01}).raise_for_status()
            done = until_finished(client, f"quick-{n}")
            waits.append((done["submitted_at"], done["started_at"]))
            time.sleep(0.4)  # idle again: the broker has stopped looking often
    rows = site.query(
        "SELECT extract(epoch FROM o.started_at - j.submitted_at)::float8 FROM queueapp_outcome o"
        " JOIN queueapp_job j ON j.id = o.job_id JOIN queueapp_owner w ON w.id = o.owner_id"
        " JOIN accounts_user u ON u.id = w.user_id WHERE username = 'iris'"
    )
    assert sorted(row[0] for row in rows)[2] < 0.25, waits


def test_many_small_jobs_of_many_users_all_end_once(site: Site) -> None:
    names = [f"many-{n}" for n in range(5)]
    for name in names:
        site.user(name)
        with site.client(name) as client:
            jobs = [{"job_id": f"{n}", "duration": 0.001} for n in range(400)]
            assert client.post("jobs/bulk/", json={"jobs": jobs}).json() == {"accepted": 400, "existing": 0}
    site.wait_for(
        "SELECT count(*) = 2000 FROM queueapp_outcome o JOIN queueapp_owner w ON w.id = o.owner_id"
        " JOIN accounts_user u ON u.id = w.user_id"
        " WHERE username LIKE 'many-%%' AND status = 'succeeded'"
    )
    assert site.query("SELECT count(*) FROM queueapp_flowstate WHERE busy <> 0") == [(0,)]
