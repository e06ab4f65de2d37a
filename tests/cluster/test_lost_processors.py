"""Processors that are killed, late or without a lease: their jobs run again, and who pays."""

from __future__ import annotations

import os
import signal
from itertools import pairwise
from typing import Any

import httpx
import psutil
import pytest

from queueapp.db.routines import versioned
from tests.kit.cluster import ended, running_pid, submit
from tests.kit.site import Site


def test_jobs_behind_one_that_outruns_its_quantum_run_elsewhere_meanwhile(site: Site, api: httpx.Client) -> None:
    jobs: list[dict[str, Any]] = [{"job_id": "before", "duration": 0.01}]
    jobs += [{"job_id": "slow", "task": "nap", "duration": 0.01, "payload": {"seconds": 2.5}}]
    jobs += [{"job_id": f"behind-{n}", "duration": 0.01} for n in range(5)]
    api.post("jobs/bulk/", json={"jobs": jobs}).raise_for_status()
    for job in jobs:
        if job["job_id"] != "slow":
            assert ended(site, api, job["job_id"])["status"] == "succeeded"
    slow = api.get("jobs/slow/").json()
    assert slow["status"] == "running"
    assert ended(site, api, "slow")["time_spent"] == pytest.approx(2.5, abs=0.3)


def test_jobs_of_a_turn_that_is_late_run_elsewhere_meanwhile(site: Site, api: httpx.Client) -> None:
    """They declare so little that one turn takes all. Each takes less than a quantum, and together they take thirty."""
    asked = {"task": "nap", "duration": 1e-5, "payload": {"seconds": 0.015}}
    jobs = [{"job_id": f"{n}", **asked} for n in range(40)]
    api.post("jobs/bulk/", json={"jobs": jobs}).raise_for_status()
    runs = [ended(site, api, f"{n}") for n in range(40)]
    spans = sorted((run["started_at"], run["finished_at"]) for run in runs)
    assert any(later[0] < earlier[1] for earlier, later in pairwise(spans))


def test_a_job_whose_processor_is_killed_runs_again(site: Site, api: httpx.Client) -> None:
    submit(api, "survivor", "kill", times=1)
    job = ended(site, api, "survivor")
    assert (job["status"], job["attempt"], job["result"]) == ("succeeded", 2, "attempt 2")


def test_a_job_that_kills_every_processor_fails(site: Site, api: httpx.Client) -> None:
    submit(api, "killer", "kill", times=99)
    submit(api, "innocent")
    assert ended(site, api, "innocent")["status"] == "succeeded"
    job = ended(site, api, "killer")
    assert (job["status"], job["attempt"]) == ("failed", 3)
    assert job["error"] == "It was ended by SIGKILL, perhaps for want of memory."


def test_a_worker_that_is_killed_is_known_at_once_and_its_only_job_loses_an_attempt(
    site: Site, api: httpx.Client
) -> None:
    """Long before its lease runs out."""
    submit(api, "under-way", "nap", duration=1, seconds=1.0)
    worker = running_pid(site, api, "under-way")
    task = psutil.Process(worker).children()
    os.kill(worker, signal.SIGKILL)
    site.wait_for("SELECT count(*) = 0 FROM queueapp_processor WHERE pid = %s AND lease_until > now()", worker)
    site.until(lambda: not any(process.is_running() for process in task), "the task process ended with its worker")
    job = ended(site, api, "under-way")
    assert (job["status"], job["attempt"]) == ("succeeded", 2)
    site.wait_for("SELECT count(*) = 2 FROM queueapp_processor")


def test_a_processor_that_lost_its_lease_drops_the_job_and_takes_others(site: Site, api: httpx.Client) -> None:
    """As after a cut from the network: the job is given to another, and the first works no longer on it."""
    submit(api, "given-away", "nap", duration=30, seconds=30.0)
    first = running_pid(site, api, "given-away")

    def another_has_it() -> bool:
        """Give it away: once more, if the first processor was free again before the other took it."""
        if running_pid(site, api, "given-away") != first:
            return True
        rescue = "SELECT queueapp_rescue(id, turn, NULL, 3, '', false) FROM queueapp_processor WHERE pid = %s"
        site.query(versioned(rescue), first)
        site.query("NOTIFY queueapp_work")
        return False

    site.until(another_has_it, "another processor has it")
    site.wait_for("SELECT count(*) = 1 FROM queueapp_processor WHERE pid = %s AND job_id IS NULL", first)
    for name in ("next-1", "next-2"):
        submit(api, name)
        assert ended(site, api, name)["status"] == "succeeded"
    assert api.get("jobs/given-away/").json()["attempt"] == 1
    assert psutil.pid_exists(first)
    api.delete("jobs/given-away/")
    assert ended(site, api, "given-away")["status"] == "cancelled"
