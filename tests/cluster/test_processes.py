"""A real django-q2 cluster: a clean end, a fresh start after any of its processes is lost, and idle processors."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import httpx
import psutil
import pytest

from queueapp.conf import queue_settings
from tests.kit.cluster import ended, running_pid, submit
from tests.kit.site import Site


def test_a_cluster_whose_sentinel_is_killed_starts_afresh(site: Site, api: httpx.Client) -> None:
    assert site.cluster is not None
    submit(api, "under-way", "nap", duration=1, seconds=1.0)
    worker = psutil.Process(running_pid(site, api, "under-way"))
    sentinel = worker.parent()
    assert sentinel is not None
    assert sentinel.ppid() == site.cluster.pid
    sentinel.kill()
    job = ended(site, api, "under-way")
    assert (job["status"], job["attempt"]) == ("succeeded", 2)
    assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE, "an orphan is left at work"


@pytest.mark.parametrize(
    ("number", "to_all"),
    [(signal.SIGTERM, False), (signal.SIGTERM, True), (signal.SIGINT, True), (signal.SIGHUP, False)],
    ids=["SIGTERM", "SIGTERM-to-all", "SIGINT-to-all", "SIGHUP"],
)
@pytest.mark.slow
def test_a_stopped_cluster_gives_its_jobs_back_and_leaves_nothing(
    site: Site, api: httpx.Client, number: signal.Signals, to_all: bool
) -> None:
    """The short job ends within the grace period, the long one goes back, at no attempt. Ctrl-C signals the whole
    group, systemd the whole unit."""
    assert site.cluster is not None
    submit(api, "short", "nap", duration=0.5, seconds=0.5)
    submit(api, "long", "nap", duration=3, seconds=3.0)
    pids = {running_pid(site, api, "short"), running_pid(site, api, "long")}
    family = psutil.Process(site.cluster.pid).children(recursive=True)
    assert pids <= {process.pid for process in family}
    for process in [*(family if to_all else ()), psutil.Process(site.cluster.pid)]:
        os.kill(process.pid, number)
    assert site.cluster.wait(10) == 0
    assert not [process for process in family if process.is_running()]
    assert api.get("jobs/short/").json()["status"] == "succeeded"
    assert api.get("jobs/long/").json()["status"] == "queued"
    assert site.query("SELECT count(*) FROM queueapp_processor") == [(0,)]
    site.start_cluster()
    assert ended(site, api, "long")["attempt"] == 1


def test_a_task_is_told_that_its_cluster_is_being_stopped(site: Site, api: httpx.Client) -> None:
    assert site.cluster is not None
    submit(api, "long", "saves-its-place", duration=30, seconds=30.0)
    running_pid(site, api, "long")
    assert site.end(site.cluster) == 0
    assert api.get("jobs/long/").json()["result"] == "saved"
    site.start_cluster()


def test_when_the_command_is_killed_alone_nothing_of_its_cluster_lives_on(site: Site, api: httpx.Client) -> None:
    assert site.cluster is not None
    submit(api, "long", "nap", duration=1, seconds=1.0)
    running_pid(site, api, "long")
    family = psutil.Process(site.cluster.pid).children(recursive=True)
    site.cluster.kill()
    site.cluster.wait()
    site.until(lambda: not any(process.is_running() for process in family), "all processes of the cluster have ended")
    site.start_cluster()
    assert ended(site, api, "long")["attempt"] == 2, "nobody knows that it was no fault of the job"


def test_idle_workers_that_are_killed_hold_up_no_ticket(site: Site, api: httpx.Client) -> None:
    assert site.cluster is not None
    [sentinel] = psutil.Process(site.cluster.pid).children()
    site.wait_for("SELECT count(*) >= 2 FROM queueapp_processor WHERE cardinality(jobs) = 0")
    workers = {pid for (pid,) in site.query("SELECT pid FROM queueapp_processor")}
    for pid in workers & {child.pid for child in sentinel.children()}:
        os.kill(pid, signal.SIGKILL)
    submit(api, "after")
    job = ended(site, api, "after")
    assert (job["status"], job["attempt"]) == ("succeeded", 1)
    assert sentinel.is_running()


def test_a_cluster_whose_pusher_hangs_starts_afresh(site: Site, api: httpx.Client) -> None:
    assert site.cluster is not None
    cluster = psutil.Process(site.cluster.pid)
    [sentinel] = cluster.children()
    workers = {pid for (pid,) in site.query("SELECT pid FROM queueapp_processor")}
    for child in sentinel.children():
        if child.pid not in workers:
            child.suspend()
    submit(api, "after")
    assert ended(site, api, "after")["status"] == "succeeded"
    assert cluster.is_running()
    assert not sentinel.is_running() or sentinel.status() == psutil.STATUS_ZOMBIE, "the stuck cluster is still there"


def test_an_idle_processor_is_a_fresh_process_without_connections(site: Site, api: httpx.Client) -> None:
    """And the same processor as before."""
    site.wait_for("SELECT count(*) >= 2 FROM queueapp_processor")
    jobs: list[dict[str, Any]] = [{"job_id": f"both-{n}", "duration": 0.5} for n in range(2)]
    jobs += [{"job_id": f"{n}", "task": "database", "duration": 0.01} for n in range(4)]
    api.post("jobs/bulk/", json={"jobs": jobs}).raise_for_status()
    for job in jobs:
        ended(site, api, job["job_id"])
    before = site.query("SELECT id, pid FROM queueapp_processor ORDER BY id")
    site.wait_for(
        "SELECT count(*) = 3 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND application_name <> 'turnabout-web'"
    )  # the command, the broker, and its LISTEN
    site.wait_for("SELECT bool_and(pid <> ALL (%s)) FROM queueapp_processor", [pid for _, pid in before])
    after = site.query("SELECT id, pid FROM queueapp_processor ORDER BY id")
    assert [processor for processor, _ in after] == [processor for processor, _ in before]
    assert not any(psutil.Process(pid).children() for _, pid in after), "no task process"
    submit(api, "again", "database")
    assert ended(site, api, "again")["status"] == "succeeded"


def test_a_pause_of_everything_is_no_wedge(site: Site, api: httpx.Client) -> None:
    assert site.cluster is not None
    [sentinel] = psutil.Process(site.cluster.pid).children()
    site.query("INSERT INTO queueapp_pause (task, reason, since) VALUES ('', 'maintenance', now())")
    submit(api, "patient")
    time.sleep(queue_settings().WATCHDOG_SECONDS + 2.0)  # nothing is to happen, and no event tells of that
    assert sentinel.is_running()
    assert api.get("jobs/patient/").json()["status"] == "queued"
    site.query("DELETE FROM queueapp_pause")
    assert ended(site, api, "patient")["status"] == "succeeded"
    assert sentinel.is_running()
