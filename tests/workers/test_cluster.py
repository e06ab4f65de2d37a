"""A real django-q2 cluster: jobs that misbehave, processes that die, and a clean end."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from queueapp.conf import queue_settings
from queueapp.db.routines import versioned
from tests.kit.site import Site


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A site of this module's own, as its processes are killed here."""
    running = Site("turnabout_cluster", processors=2)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def api(site: Site, request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    name = re.sub(r"\W+", "-", request.node.name.removeprefix("test_"))[:100]
    site.user(name)
    with site.client(name) as client:
        yield client


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


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ("error", "ValueError: it broke"),
        ("refuse", "Not today."),
        ("exit", "SystemExit: left"),
        ("nan", "ValueError: Out of range float values are not JSON compliant"),
        ("object", "TypeError: Object of type object is not JSON serializable"),
        ("nul", "ValueError: It has a NUL character."),
    ],
)
def test_a_job_that_ends_badly_fails_with_its_message(site: Site, api: httpx.Client, how: str, error: str) -> None:
    submit(api, "bad", "fail", how=how)
    submit(api, "next")
    job = ended(site, api, "bad")
    assert (job["status"], job["error"], job["result"]) == ("failed", error, None)
    assert ended(site, api, "next")["status"] == "succeeded"


def test_a_job_that_fails_is_tried_again_later_and_does_not_block_the_others(site: Site, api: httpx.Client) -> None:
    submit(api, "flaky", "flaky", failures=2)
    submit(api, "behind")
    assert ended(site, api, "behind")["status"] == "succeeded"
    job = ended(site, api, "flaky")
    assert (job["status"], job["attempt"], job["result"], job["error"]) == ("succeeded", 3, "attempt 3", "")
    assert [(a["attempt"], a["error"]) for a in job["attempts"]] == [
        (1, "ValueError: attempt 1"),
        (2, "ValueError: attempt 2"),
    ]
    assert job["time_spent"] >= 0.15
    assert job["attempts"][1]["started_at"] > job["attempts"][0]["finished_at"]


def test_after_the_last_attempt_a_job_fails_and_its_owner_can_try_again(site: Site, api: httpx.Client) -> None:
    submit(api, "flaky", "flaky", failures=5)
    job = ended(site, api, "flaky")
    assert (job["status"], job["attempt"], len(job["attempts"])) == ("failed", 4, 4)
    again = api.post("jobs/flaky/retry/")
    assert again.status_code == 200
    assert again.json()["finished_at"] is None
    job = ended(site, api, "flaky")
    assert (job["status"], job["attempt"], len(job["attempts"])) == ("succeeded", 6, 5)
    assert api.post("jobs/flaky/retry/").status_code == 409


def test_a_job_that_says_nothing_has_no_report_however_long_it_runs(site: Site, api: httpx.Client) -> None:
    submit(api, "silent", "nap", seconds=1.8)
    running_pid(site, api, "silent")
    query = "SELECT count(*) FROM queueapp_jobreport r JOIN queueapp_job j ON j.id = r.job_id WHERE j.name = 'silent'"
    seen = 0
    while api.get("jobs/silent/?wait=1").json()["finished_at"] is None:
        seen += site.query(query)[0][0]
    assert (seen, site.query(query)[0][0]) == (0, 0)


@pytest.mark.parametrize("end", ["return", "die"])
def test_what_a_job_says_is_seen_while_it_runs_and_kept_however_it_ends(
    site: Site, api: httpx.Client, tmp_path: Path, end: str
) -> None:
    def said() -> dict[str, Any]:
        found: dict[str, Any] = api.get("jobs/talker/log/").json()
        return found

    submit(api, "talker", "talks", folder=str(tmp_path), end=end)
    site.until(lambda: said()["log"] != "", "what it printed is there while it runs")
    running = said()
    assert re.fullmatch(r"printed\n\d\d:\d\d:\d\d logged \{'a': 1\}\n", running["log"])
    assert [stage["name"] for stage in running["stages"]] == ["download"]
    assert running["note"].startswith("# Half")
    (tmp_path / "go").touch()
    job, done = ended(site, api, "talker"), said()
    assert job["status"] == ("succeeded" if end == "return" else "failed")
    assert done["log"].startswith(running["log"])
    assert done["log"].endswith(" at last\n") or end == "die"
    assert [stage["name"] for stage in done["stages"]] == ["download", "<b>render</b>"]
    first, second = done["stages"]
    assert first["seconds"] == round(second["at"] - first["at"], 3) > 0
    assert done["note"].startswith("**All**" if end == "return" else "# Half")
    query = "SELECT r.log FROM queueapp_jobreport r JOIN queueapp_job j ON j.id = r.job_id WHERE j.name = 'talker'"
    rows = site.query(query)
    assert {log for (log,) in rows} == {""}, "the outcome has the log"


def test_a_job_is_stopped_at_its_time_limit(site: Site, api: httpx.Client) -> None:
    ask = {"job_id": "long", "task": "nap", "duration": 0.1, "time_limit": 0.4, "payload": {"seconds": 30.0}}
    api.post("jobs/", json=ask).raise_for_status()
    job = ended(site, api, "long")
    assert (job["status"], job["error"], len(job["attempts"])) == ("failed", "It reached its time limit.", 3)
    assert all(a["time_spent"] < 1 for a in job["attempts"])


def test_a_job_that_will_not_stop_is_ended_with_its_process_and_only_it_pays(site: Site, api: httpx.Client) -> None:
    jobs: list[dict[str, Any]] = [{"job_id": "before", "duration": 0.01}]
    jobs += [{"job_id": "stubborn", "task": "stubborn", "duration": 0.01, "payload": {"seconds": 60.0}}]
    jobs += [{"job_id": f"behind-{n}", "duration": 0.01} for n in range(5)]
    api.post("jobs/bulk/", json={"jobs": jobs}).raise_for_status()
    job = ended(site, api, "stubborn")
    assert (job["status"], job["error"]) == ("failed", "It reached its time limit.")
    assert job["time_spent"] < 5
    for other in jobs:
        if other["job_id"] != "stubborn":
            done = ended(site, api, other["job_id"])
            assert (done["status"], done["attempt"]) == ("succeeded", 1)
    site.wait_for("SELECT count(*) = 2 FROM queueapp_processor WHERE lease_until > now()")


def test_cancelling_a_running_job_stops_it(site: Site, api: httpx.Client) -> None:
    submit(api, "nap", "nap", duration=30, seconds=30.0)
    running_pid(site, api, "nap")
    assert api.delete("jobs/nap/").status_code == 202
    job = ended(site, api, "nap")
    assert (job["status"], job["error"]) == ("cancelled", "")
    assert 0 < job["time_spent"] < 5
    assert api.delete("jobs/nap/").status_code == 409


def test_the_queue_is_sound_after_all_that(site: Site, api: httpx.Client) -> None:
    """A cancelled job that is tried again does not count the attempt that was cancelled."""
    submit(api, "nap", "nap", duration=1.2, seconds=1.2)
    running_pid(site, api, "nap")
    api.delete("jobs/nap/")
    ended(site, api, "nap")
    api.post("jobs/nap/retry/").raise_for_status()
    job = ended(site, api, "nap")
    assert (job["status"], job["attempt"]) == ("succeeded", 1)
    assert "All is well" in site.manage("audit")


def test_of_jobs_that_are_cancelled_by_one_request_none_runs_until_they_are_tried_again(
    site: Site, api: httpx.Client, tmp_path: Path
) -> None:
    """Two such requests and a submission at once, while processors work on the same jobs."""

    def jobs(kind: str, many: int) -> dict[str, Any]:
        marks = {"task": "marks", "duration": 0.002, "payload": {"folder": str(tmp_path)}}
        return {"jobs": [{"job_id": f"{kind}-{n}", **marks} for n in range(many)]}

    def outcomes() -> dict[str, tuple[str, int]]:
        rows = "SELECT name, status, attempt FROM queueapp_job j LEFT JOIN queueapp_outcome o ON o.job_id = j.id"
        return {name: ended for name, *ended in site.query(f"{rows} WHERE task = 'marks'")}  # type: ignore[misc]

    def post(path: str, asked: dict[str, Any]) -> dict[str, Any]:
        return dict(api.post(f"jobs/{path}/", json=asked).raise_for_status().json())

    post("bulk", jobs("batch", 2_000))
    site.until(lambda: any(tmp_path.iterdir()), "the first one runs")
    requests = [("cancel", {"prefix": "batch-"}), ("cancel", {"prefix": "batch-"}), ("bulk", jobs("other", 200))]
    with ThreadPoolExecutor(3) as pool:
        answers = [asked.result() for asked in [pool.submit(post, *request) for request in requests]]
    site.until(lambda: None not in [status for status, _ in outcomes().values()], "all have ended")
    ran, ended = {mark.name for mark in tmp_path.iterdir()}, outcomes()
    cancelled = {name for name, (status, attempt) in ended.items() if (status, attempt) == ("cancelled", 0)}
    assert len(cancelled) == answers[0]["cancelled"] + answers[1]["cancelled"] > 0
    assert cancelled | ran == ended.keys(), "each was cancelled or ran"
    assert not cancelled & ran, "and none did both"
    assert not [name for name in cancelled if name.startswith("other")]
    again = post("retry", {"status": "cancelled"})
    assert again["retried"] >= len(cancelled)
    site.until(lambda: {status for status, _ in outcomes().values()} == {"succeeded"}, "all have succeeded")
    assert {mark.name for mark in tmp_path.iterdir()} == ended.keys()
    assert "All is well" in site.manage("audit")


def test_a_task_that_looks_can_end_tidily_when_it_is_cancelled(site: Site, api: httpx.Client) -> None:
    ask = {"job_id": "polite", "task": "stubborn", "duration": 30, "time_limit": 60}
    api.post("jobs/", json=ask | {"payload": {"seconds": 30.0, "polite": True}}).raise_for_status()
    running_pid(site, api, "polite")
    assert api.delete("jobs/polite/").status_code == 202
    job = ended(site, api, "polite")
    assert (job["status"], job["result"]) == ("succeeded", "stopped politely")


def test_a_job_does_not_start_before_its_moment(site: Site, api: httpx.Client) -> None:
    moment = datetime.now(UTC) + timedelta(seconds=1.2)
    ask = {"job_id": "later", "duration": 0.01, "run_at": moment.isoformat()}
    answer = api.post("jobs/", json=ask)
    assert answer.status_code == 201
    assert answer.json()["position"] is None
    assert api.post("jobs/", json=ask).status_code == 200
    submit(api, "now")
    assert ended(site, api, "now")["status"] == "succeeded"
    started = datetime.fromisoformat(ended(site, api, "later")["started_at"])
    assert moment <= started < moment + timedelta(seconds=2)


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


def test_what_an_attempt_printed_and_its_traceback_are_kept(site: Site, api: httpx.Client) -> None:
    submit(api, "says", "says", text="x", times=100_000)
    assert ended(site, api, "says")["error"] == "ValueError: after all that"
    (log,) = site.query(
        "SELECT log FROM queueapp_attempt a JOIN queueapp_job j ON j.id = a.job_id"
        " JOIN queueapp_owner w ON w.id = j.owner_id"
        " JOIN accounts_user u ON u.id = w.user_id WHERE j.name = 'says' AND username = %s",
        api.get("queue/").json()["user"],
    )[0]
    assert "x" * 1000 in log
    assert "bytes left out" in log
    assert "echo x" in log
    assert 'raise ValueError("after all that")' in log
    assert len(log) < 50_000


@pytest.mark.parametrize("how", ["here", "in a child"])
def test_a_job_is_stopped_at_its_memory_limit(site: Site, api: httpx.Client, how: str) -> None:
    submit(api, "little", "hungry", megabytes=20, how="here")
    submit(api, "much", "hungry", megabytes=400, how=how)
    assert ended(site, api, "little")["result"] == 20_000_000
    job = ended(site, api, "much")
    assert (job["status"], job["error"]) == ("failed", "It reached its memory limit of 100 MB.")


def test_a_job_may_have_a_memory_limit_of_its_own(site: Site, api: httpx.Client) -> None:
    ask = {"job_id": "own", "task": "returns", "duration": 0.01, "memory_limit": 50, "payload": {"text": "x"}}
    api.post("jobs/", json=ask).raise_for_status()
    assert ended(site, api, "own")["status"] == "succeeded"
    ask |= {"job_id": "much", "payload": {"text": "x" * 1000, "times": 200_000}, "memory_limit": 60}
    api.post("jobs/", json=ask).raise_for_status()
    assert ended(site, api, "much")["error"] == "It reached its memory limit of 60 MB."


def test_at_its_limit_a_task_can_tidy_up(site: Site, api: httpx.Client) -> None:
    """The exception comes once, then once more after a third of the grace: not into every step."""
    submit(api, "tidy", "tidies-up")
    job = ended(site, api, "tidy")
    assert (job["status"], job["error"]) == ("failed", "It reached its time limit.")
    log = site.query("SELECT log FROM queueapp_outcome o JOIN queueapp_job j ON j.id = o.job_id WHERE j.name = 'tidy'")
    assert "step 4" in log[0][0]


def test_a_task_can_use_processes_of_its_own(site: Site, api: httpx.Client) -> None:
    submit(api, "pool", "pool")
    job = ended(site, api, "pool")
    assert (job["status"], job["result"]) == ("succeeded", [1, 2, 3]), job["error"]


def test_a_job_whose_task_no_processor_has_waits_and_says_so(site: Site, api: httpx.Client) -> None:
    """As while a new version is rolled out: it loses no attempt, and blocks nothing behind it."""
    moment = datetime.now(UTC) + timedelta(seconds=0.5)
    ask = {"job_id": "new", "task": "nap", "duration": 0.01, "run_at": moment.isoformat(), "payload": {"seconds": 0.0}}
    api.post("jobs/", json=ask).raise_for_status()
    site.query("UPDATE queueapp_job SET task = 'future' WHERE name = 'new'")
    site.wait_for("SELECT count(*) = 1 FROM queueapp_waiting WHERE note = 'Waits for a processor that has its task.'")
    submit(api, "behind")
    assert ended(site, api, "behind")["status"] == "succeeded"
    assert api.get("jobs/new/").json()["status"] == "queued"
    site.query("UPDATE queueapp_job SET task = 'nap' WHERE name = 'new'")
    job = ended(site, api, "new")
    assert (job["status"], job["attempt"], job["attempts"]) == ("succeeded", 1, [])


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
