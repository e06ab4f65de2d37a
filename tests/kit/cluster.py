"""Jobs of a real cluster: submitted, awaited, and the process that runs one."""

from __future__ import annotations

from typing import Any

import httpx

from tests.kit.site import Site


def submit(api: httpx.Client, job_id: str, task: str = "wait", duration: float = 0.01, **payload: Any) -> None:
    ask = {"job_id": job_id, "task": task, "duration": duration, "payload": payload}
    api.post("jobs/", json=ask).raise_for_status()


def ended(site: Site, api: httpx.Client, job_id: str) -> dict[str, Any]:
    """The job once it has ended."""

    def look() -> dict[str, Any] | None:
        job: dict[str, Any] = api.get(f"jobs/{job_id}/").json()
        return None if job["finished_at"] is None else job

    return site.until(look, f"{job_id} has ended")


def running_pid(site: Site, api: httpx.Client, job_id: str) -> int:
    """The process that runs the job, once one does."""
    user = api.get("queue/").json()["user"]
    query = (
        "SELECT pid FROM queueapp_processor p JOIN queueapp_job j ON j.id = p.job_id"
        " JOIN queueapp_owner w ON w.id = j.owner_id"
        " JOIN accounts_user u ON u.id = w.user_id WHERE j.name = %s AND username = %s"
    )
    pid: int = site.until(lambda: site.query(query, job_id, user), f"{job_id} runs")[0][0]
    return pid
