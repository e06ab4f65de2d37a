"""Task isolation: what a task changes, opens or breaks in its process reaches no other job."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.kit.cluster import ended, submit
from tests.kit.site import Site


def test_a_task_that_ends_its_process_pays_alone(site: Site, api: httpx.Client) -> None:
    """Those before it in its turn have ended, those behind it go on in another process: at the first attempt."""
    jobs: list[dict[str, Any]] = [{"job_id": f"before-{n}", "duration": 0.001} for n in range(3)]
    jobs += [{"job_id": "culprit", "task": "fail", "duration": 0.001, "payload": {"how": "exit-process"}}]
    jobs += [{"job_id": f"behind-{n}", "duration": 0.001} for n in range(3)]
    api.post("jobs/bulk/", json={"jobs": jobs}).raise_for_status()
    job = ended(site, api, "culprit")
    assert (job["status"], job["error"], job["attempt"]) == ("failed", "It ended its process with exit code 3.", 3)
    for other in jobs:
        if other["job_id"] != "culprit":
            done = ended(site, api, other["job_id"])
            assert (done["status"], done["attempt"], done["attempts"]) == ("succeeded", 1, [])


@pytest.mark.parametrize(
    "where", ["environment", "session", "context", "decimal", "locale", "timezone", "sockets", "warnings"]
)
def test_what_a_job_leaves_behind_is_there_for_no_other(site: Site, api: httpx.Client, where: str) -> None:
    """All are of one turn, and so of one process where that has not to be replaced."""
    jobs: list[dict[str, Any]] = [{"job_id": "before", "task": "finds", "duration": 0.001}]
    jobs += [{"job_id": "first", "task": "leaves-behind", "duration": 0.001, "payload": {"where": where}}]
    jobs += [{"job_id": "second", "task": "finds", "duration": 0.001}]
    api.post("jobs/bulk/", json={"jobs": jobs}).raise_for_status()
    assert ended(site, api, "first")["status"] == "succeeded"
    before = ended(site, api, "before")["result"]
    assert len(before) == 8
    assert ended(site, api, "second")["result"] == before


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_task_shares_no_file_with_the_processes_of_the_cluster(site: Site, api: httpx.Client) -> None:
    """Else a task that writes to all of its files would write into their memory and their queues."""
    assert site.cluster is not None
    submit(api, "files", "open-files")
    found = set(ended(site, api, "files")["result"])
    assert {name.partition("[")[0].partition(" ")[0] for name in found} >= {"socket:", "pipe:", "/memfd:output"}
    others: set[str] = set()
    command = psutil.Process(site.cluster.pid)
    [sentinel] = command.children()
    workers = {pid for (pid,) in site.query("SELECT pid FROM queueapp_processor")}
    for process in [command, sentinel, *(child for child in sentinel.children() if child.pid not in workers)]:
        for descriptor in Path(f"/proc/{process.pid}/fd").iterdir():
            others.add(str(descriptor.readlink()))
    shared = {name for name in found & others if not Path(name).exists()}
    assert shared <= {os.readlink("/proc/self/fd/2")}, "but standard error"


def test_a_process_that_hangs_between_jobs_is_replaced_and_costs_no_attempt(site: Site, api: httpx.Client) -> None:
    submit(api, "freezes", "freezes-later")
    ended(site, api, "freezes")
    [frozen] = [
        child
        for (pid,) in site.query("SELECT pid FROM queueapp_processor")
        for child in psutil.Process(pid).children()
        if _stops(site, child)
    ]
    for n in range(4):
        submit(api, f"next-{n}", "nap", duration=1.0, seconds=0.2)
    for n in range(4):
        job = ended(site, api, f"next-{n}")
        assert (job["status"], job["attempt"], job["attempts"]) == ("succeeded", 1, [])
    assert not frozen.is_running()


def _stops(site: Site, process: psutil.Process) -> bool:
    """Whether this process is the one that a thread of a task is about to stop."""
    names = {thread.id for thread in process.threads()}
    if len(names) < 2 and process.status() != psutil.STATUS_STOPPED:
        return False
    site.until(lambda: process.status() == psutil.STATUS_STOPPED, "it is stopped")
    return True


@pytest.mark.parametrize("leave", ["settings", "block", "closed block"])
def test_a_job_finds_nothing_of_the_session_of_the_one_before(site: Site, api: httpx.Client, leave: str) -> None:
    """Sites with row-level security depend on it."""
    jobs = [{"job_id": f"{n}", "task": "database", "duration": 0.001} for n in range(6)]
    for job in jobs[::2]:
        job["payload"] = {"leave": leave}
    api.post("jobs/bulk/", json={"jobs": jobs}).raise_for_status()
    found = [ended(site, api, f"{n}") for n in range(6)]
    words = [] if leave == "settings" else ["It left a database transaction open; what it did there is rolled back."]
    assert [job["error"] for job in found[::2]] == 3 * (words or [""])
    assert all(job["status"] == "succeeded" for job in found[1::2]), found
    states = {(zone, user or "None", rows) for zone, user, _, rows in (job["result"] for job in found[1::2])}
    assert states <= {("UTC", "None", rows) for _, _, rows in states}
    assert len(states) == 1
    if leave == "settings":
        assert len({job["result"][2] for job in found}) <= 2, "the connection is reset, and not made anew each time"


def test_a_task_can_use_processes_of_its_own(site: Site, api: httpx.Client) -> None:
    submit(api, "pool", "pool")
    job = ended(site, api, "pool")
    assert (job["status"], job["result"]) == ("succeeded", [1, 2, 3]), job["error"]


@pytest.mark.slow
def test_who_can_write_to_the_database_runs_no_code_by_it(site: Site, api: httpx.Client) -> None:
    """django-q2 would call, twice a minute, any function that a row names, and unpickle what lies in its tables."""
    site.query(
        "INSERT INTO django_q_schedule (func, schedule_type, repeats, next_run, intended_date_kwarg)"
        " VALUES ('os.getcwd', 'O', -1, now() - interval '1 hour', '')"
    )
    site.query("INSERT INTO django_q_ormq (key, payload, lock) VALUES ('turnabout', 'x', now() - interval '1 hour')")
    time.sleep(32)  # nothing is to happen, and no event tells of that
    assert site.query("SELECT count(*) FROM django_q_task") == [(0,)]
    assert site.query("SELECT count(*) FROM django_q_ormq") == [(1,)]
    assert site.query("SELECT count(*) FROM django_q_schedule WHERE next_run < now()") == [(1,)]
    submit(api, "after")
    assert ended(site, api, "after")["status"] == "succeeded"
