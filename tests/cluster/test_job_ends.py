"""How a job ends on a real cluster: errors, retries, limits, cancellation, and what it says meanwhile."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.kit.cluster import ended, running_pid, submit
from tests.kit.site import Site


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
