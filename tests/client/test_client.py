"""What a client does with a site that works: both kinds of client do the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.kit.clients import Connect, new_user
from tests.kit.proxy import Proxy
from tests.kit.site import PASSWORD, Site, free_port
from turnabout_client import (
    Client,
    Completed,
    Conflict,
    InvalidRequest,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    Queue,
    RateLimited,
    Reset,
    Submission,
    TimedOut,
    Unreachable,
    _bulk,
    _completions,
)

LATER = datetime(2100, 1, 1, tzinfo=UTC)


def test_a_job_is_submitted_and_its_result_awaited(connect: Connect) -> None:
    queue = connect()
    submitted = queue.submit("checksum", {"path": "hello.txt"}, duration=0.1)
    assert submitted.status in {"queued", "running", "succeeded"}
    done = queue.wait(submitted.job_id, timeout=30)
    assert (done.status, done.succeeded, done.result["bytes"]) == ("succeeded", True, 10)
    assert done == queue.get(submitted.job_id)
    assert done.finished_at - done.started_at < timedelta(seconds=10)


def test_a_job_that_has_ended_before_is_there_at_once_however_its_name_is_typed(connect: Connect) -> None:
    queue = connect()
    queue.wait(queue.submit(duration=0.01, job_id=" de\u0301ja\u0300-vu:任務 ").job_id, timeout=30)
    assert queue.wait("d\xe9j\xe0-vu:任務", timeout=0).succeeded
    assert queue.wait("de\u0301ja\u0300-vu:任務\n", timeout=30).succeeded
    for name in ("", ".", "..", "../queue", "a/b", "?"):
        with pytest.raises(ValueError, match="is not the name of a job"):
            queue.get(name)


def test_a_failed_job_says_why(connect: Connect) -> None:
    queue = connect()
    done = queue.wait(queue.submit("checksum", {"path": "not-there"}, duration=0.1).job_id, timeout=30)
    assert (done.status, done.error) == ("failed", "There is no file 'not-there'.")


def test_the_same_job_again_changes_nothing_and_other_content_is_a_conflict(connect: Connect) -> None:
    queue = connect()
    first = queue.submit(duration=1, job_id="same", run_at=LATER)
    assert queue.submit(duration=1, job_id="same", run_at=LATER) == first
    with pytest.raises(Conflict) as refused:
        queue.submit(duration=2, job_id="same", run_at=LATER)
    assert (refused.value.status, refused.value.errors[0].field) == (409, "job_id")


def test_what_is_wrong_is_named_by_field(connect: Connect) -> None:
    with pytest.raises(InvalidRequest) as refused:
        connect().submit("checksum", {"path": 3}, duration=-1)
    assert [error.field for error in refused.value.errors] == ["duration"]
    assert "must be at least" in str(refused.value)


def test_many_jobs_go_in_several_requests_and_errors_count_from_the_first(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_bulk, "MAX_JOBS", 3)
    queue = connect()
    jobs: list[Any] = [Submission(duration=1, run_at=LATER, job_id=f"{n}") for n in range(6)]
    jobs.append({"duration": 1, "run_at": LATER.isoformat()})
    done = queue.submit_many(jobs)
    assert (done.accepted, done.existing, done.job_ids[:6]) == (7, 0, list("012345"))
    again = queue.submit_many([*jobs[:6], {"duration": 1, "job_id": "7", "run_at": LATER.isoformat()}])
    assert (again.accepted, again.existing) == (1, 6)
    assert queue.get(done.job_ids[6]).run_at == LATER
    with pytest.raises(InvalidRequest) as refused:
        queue.submit_many([*jobs[:4], {"duration": 1, "tsk": "wait"}])
    assert str(refused.value.errors[0]).startswith("jobs[4].tsk: ")


def test_what_is_not_json_is_refused_before_it_is_sent(connect: Connect) -> None:
    queue = connect()
    with pytest.raises(ValueError, match="JSON"):
        queue.submit(payload={"x": float("nan")}, duration=1)
    with pytest.raises(ValueError, match=r"jobs\[1\] is not JSON"):
        queue.submit_many([{"duration": 1}, {"duration": 1, "payload": {"x": object()}}])
    with pytest.raises(ValueError, match="not the name of a job"):
        queue.cancel("../queue")


def test_lists_come_by_pages_and_filters(connect: Connect) -> None:
    queue = connect()
    queue.submit_many(Submission(duration=1, run_at=LATER, job_id=f"listed-{n}") for n in range(5))
    queue.cancel("listed-2")
    assert [job.job_id for job in queue.jobs(page_size=2)] == [f"listed-{n}" for n in (4, 3, 2, 1, 0)]
    assert [job.job_id for job in queue.jobs(status="cancelled")] == ["listed-2"]
    assert list(queue.jobs(task="checksum")) == []
    assert next(iter(queue.jobs())).job_id == "listed-4"


def test_jobs_are_cancelled_and_retried_one_by_one_and_by_filter(connect: Connect) -> None:
    queue = connect()
    queue.submit_many(Submission(duration=1, run_at=LATER, job_id=f"batch-{n}") for n in range(3))
    assert queue.cancel("batch-0").status == "cancelled"
    with pytest.raises(Conflict):
        queue.cancel("batch-0")
    assert queue.retry("batch-0").status == "queued"
    with pytest.raises(Conflict):
        queue.retry("batch-0")
    done = queue.cancel_matching(prefix="batch-", submitted_before=LATER)
    assert (done.cancelled + done.stopping, done.unchanged) == (3, 0)
    assert queue.retry_matching(job_ids=["batch-1", "unknown"], status="cancelled").retried == 1
    with pytest.raises(InvalidRequest, match="empty"):
        queue.cancel_matching()


def test_jobs_are_moved_one_by_one_and_by_filter(connect: Connect) -> None:
    queue = connect()
    queue.submit_many(Submission(duration=600, job_id=name) for name in ("run-0", "run-1", *"abcd"))
    events = queue.events()
    while not (isinstance(event := next(events), Queue) and len(event.running) == 2):
        pass
    events.close()
    assert queue.move("c", "front").position == 1
    assert queue.move_matching("back", job_ids=["a", "unknown", "run-0"]).as_json() == {"moved": 1, "unchanged": 2}
    assert [job.job_id for job in queue.queue().waiting] == list("cbda")
    with pytest.raises(Conflict, match="a processor has taken"):
        queue.move("run-1", "back")
    with pytest.raises(InvalidRequest, match="front"):
        queue.move("a", "middle")
    queue.cancel_matching(all=True)


def test_a_running_job_is_asked_to_stop_and_awaited(connect: Connect) -> None:
    queue = connect()
    queue.submit(duration=600, job_id="long")
    events = queue.events()
    while not (isinstance(event := next(events), Queue) and event.running):
        pass
    assert queue.cancel("long").stopping
    events.close()
    assert queue.wait("long", timeout=30).status == "cancelled"


def test_an_unknown_job_is_told_at_once(connect: Connect) -> None:
    queue = connect()
    for ask in (queue.get, queue.cancel, queue.retry, queue.wait):
        with pytest.raises(NotFound):
            ask("unknown")


def test_many_jobs_are_awaited_as_they_end(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_completions, "ASK_EACH", 5)
    queue = connect()
    names = queue.submit_many(Submission(duration=0.01, job_id=f"many-{n}") for n in range(12)).job_ids
    assert sorted(job.job_id for job in queue.as_completed(names, timeout=30)) == sorted(names)
    assert sorted(job.job_id for job in queue.as_completed(names, timeout=30)) == sorted(names), "and later"
    with pytest.raises(NotFound, match="unknown"):
        list(queue.as_completed([*names, "unknown"], timeout=30))


def test_a_wait_ends_with_its_time(connect: Connect) -> None:
    queue = connect()
    queue.submit(duration=1, job_id="later", run_at=LATER)
    for timeout in (0, 0.5):
        with pytest.raises(TimedOut, match="later"):
            queue.wait("later", timeout=timeout)


def test_results_and_errors_come_whole_whatever_events_leave_out(connect: Connect) -> None:
    queue = connect()
    done = queue.wait(queue.submit("returns", {"text": "word ", "times": 500}, duration=0.1).job_id, timeout=30)
    assert done.result == "word " * 500
    done = queue.wait(queue.submit("logs", {"text": "word " * 500}, duration=0.1).job_id, timeout=30)
    assert done.error == "ValueError: " + ("word " * 500).strip()
    assert done.payload == {"text": "word " * 500}


def test_staff_act_for_others_and_others_may_not(site: Site, connect: Connect) -> None:
    other = new_user(site)
    staff = connect(username=site.user(f"staff-{other}", staff=True)[0], password=PASSWORD, for_user=other)
    assert staff.submit(duration=0.01, job_id="theirs").user == other
    assert staff.wait("theirs", timeout=30).succeeded, "by asking, as the stream is the user's own"
    assert connect(username=other, password=PASSWORD).get("theirs").user == other
    with pytest.raises(ValueError, match="own jobs"):
        staff.events()
    with pytest.raises(NotAllowed):
        connect(username=other, password=PASSWORD, for_user="somebody-else").submit(duration=1)


def test_a_wrong_password_is_told_at_once_and_tried_once(connect: Connect, before: Proxy, site: Site) -> None:
    with pytest.raises(NotAuthenticated, match="No active account"):
        connect(before.url, username=new_user(site), password="wrong").queue()
    assert len(before.requests) == 1
    with pytest.raises(NotAuthenticated, match="not valid"):
        connect(token="wrong").queue()
    with pytest.raises(NotAuthenticated, match="Log in first"):
        connect(username="somebody").queue()


def test_a_key_serves_until_it_is_revoked_and_its_streams_end_with_it(site: Site) -> None:
    user = new_user(site)
    key = site.key(user, "submit", "read")
    program = Client(site.url, key=key, retry_for=0)
    program.submit(duration=0.01, job_id="by-key")
    assert program.wait("by-key", timeout=30).succeeded
    with pytest.raises(NotAllowed, match="lacks the scope cancel"):
        program.cancel("by-key")
    events = program.events()
    next(events)
    with site.client(user) as owner:
        assert owner.delete(f"keys/{key.rpartition('_')[0]}/").status_code == 204
    with pytest.raises(NotAuthenticated, match="was revoked"):
        for _ in events:  # until the server looks at its keys
            pass
    with pytest.raises(NotAuthenticated, match="was revoked"):
        program.queue()
    program.close()


def test_a_ready_token_serves_as_it_is(site: Site, connect: Connect) -> None:
    with site.client(new_user(site)) as http:
        token = http.headers["Authorization"].removeprefix("Bearer ")
    assert connect(token=token).queue().running == []


def test_too_many_requests_are_sent_again_when_there_is_room(site: Site, connect: Connect, before: Proxy) -> None:
    user = new_user(site)
    use_up = (
        "INSERT INTO limits_allowance SELECT 'submit:' || id, now() + interval '60.8 seconds' FROM accounts_user"
        " WHERE username = %s ON CONFLICT (key) DO UPDATE SET whole_at = excluded.whole_at"
    )
    hasty, patient = (connect(before.url, username=user, password=PASSWORD, retry_for=many) for many in (0.5, 20))
    site.query(use_up, user)
    with pytest.raises(RateLimited) as refused:
        hasty.submit(duration=1)
    assert refused.value.retry_after == 1
    site.query(use_up, user)
    assert patient.submit(duration=0.01, job_id="patient").job_id == "patient"
    assert sum(line.startswith("POST /api/v1/jobs/") for line in before.requests) == 3


def test_addresses_that_are_none_are_refused(connect: Connect) -> None:
    for address in ("127.0.0.1:8000", "ftp://host", "http://user:secret@host", "https://", "http://host:99999"):
        with pytest.raises(ValueError, match=r"address|Port"):
            connect(address)
    with pytest.raises(ValueError, match="line end") as refused:
        connect(token="secret\n")
    assert "secret" not in str(refused.value)
    with pytest.raises(Unreachable, match="does not answer"):
        connect(f"http://127.0.0.1:{free_port()}", token="any", retry_for=0.1).queue()


def test_an_address_that_is_no_turnabout_is_told(site: Site, connect: Connect) -> None:
    with pytest.raises(NotFound):
        connect(f"{site.url}/elsewhere", token="any").queue()
    assert httpx.get(f"{site.url}/login/").headers["content-type"].startswith("text/html")


def test_the_stream_yields_typed_events(connect: Connect) -> None:
    queue = connect()
    events = queue.events()
    first = next(events)
    assert isinstance(first, Queue)
    assert (first.running, first.waiting, first.processors.alive) == ([], [], 2)
    queue.submit(duration=1.2, job_id="seen")
    seen = []
    for event in events:
        seen.append(type(event).__name__)
        if isinstance(event, Completed):
            break
    assert {"Queue", "Progress", "Estimates", "Completed"} <= set(seen)
    assert (event.job.job_id, event.number > 0) == ("seen", True)
    events.close()
    assert next(item for item in queue.events(after=0) if isinstance(item, Completed)) == event
    gone = next(queue.events(after=event.number + 1_000))
    assert (type(gone), gone.number) == (Reset, event.number)
