"""What is large: lists, queues and events leave it out and say so; the job's own address has it whole."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest

from queueapp.events import sse
from queueapp.events.access import StreamAccess
from queueapp.events.hub import Hub
from queueapp.events.stream import Stream
from queueapp.lifecycle.processors import register
from queueapp.lifecycle.turn import take_turn
from queueapp.models import Job, Owner, Waiting
from queueapp.snapshots import completions_after, queue_snapshot, recent_jobs
from queueapp.states import Status
from tests.kit.api import client_of, submit
from tests.kit.queue import everyone_takes_turns, make_owner, outcome, submit_jobs, user_of

MEGABYTE = '"' + "x" * 1_000_000 + '"'


def ended(owner: Owner, job_id: str, **fields: Any) -> None:
    """That the owner's first waiting job, of this name, was run and ended so."""
    processor = register("c").pk
    turn = take_turn(processor)
    assert [job.name for job in turn.jobs] == [job_id]
    take_turn(processor, turn.number, [replace(outcome(turn.jobs[0]), **fields)], now=time.monotonic(), more=False)


@pytest.mark.django_db
class TestLists:
    @pytest.mark.parametrize(
        ("text", "omitted"), [("x" * 1_000, False), ("x" * 1_100, True), ("ä" * 600, True), ("x" * 60_000, True)]
    )
    def test_a_large_payload_is_left_out(self, text: str, omitted: bool) -> None:
        ada = make_owner("ada")
        api = client_of(ada.user)
        payload = {"text": text}
        posted = submit(api, task="says", payload=payload).json()
        assert (posted["payload"], posted["payload_omitted"]) == (payload, False)
        listed = [api.get("/api/v1/jobs/").json()["results"][0], api.get("/api/v1/queue/").json()["waiting"][0]]
        take_turn(register("c").pk)
        listed.append(api.get("/api/v1/queue/").json()["running"][0])
        for job in listed:
            assert (job["payload"], job["payload_omitted"]) == (None if omitted else payload, omitted)
        whole = api.get("/api/v1/jobs/j1/").json()
        assert (whole["payload"], whole["payload_omitted"]) == (payload, False)

    @pytest.mark.parametrize(
        ("result", "omitted"),
        [(None, False), ("null", False), ("[" + "1, " * 300 + "1]", False), (MEGABYTE, True), ('"ä\\u0001"', False)],
    )
    def test_a_large_result_is_left_out(self, result: str | None, omitted: bool) -> None:
        ada = make_owner("ada")
        api = client_of(ada.user)
        submit(api)
        ended(ada, "j1", result=result)
        whole = api.get("/api/v1/jobs/j1/").json()
        assert (whole["result"] is None, whole["result_omitted"]) == (result in {None, "null"}, False)
        (told,) = completions_after({ada.pk: 0})
        for job in (api.get("/api/v1/jobs/").json()["results"][0], recent_jobs(ada)[0], told.job):
            assert (job["result"], job["result_omitted"]) == (None if omitted else whole["result"], omitted)

    def test_a_long_error_is_cut(self) -> None:
        ada = make_owner("ada")
        api = client_of(ada.user)
        for name, error in (("long", "ü" * 1_025), ("short", "ü" * 1_024)):
            submit(api, job_id=name)
            ended(ada, name, status=Status.FAILED, error=error)
            job = api.get("/api/v1/jobs/").json()["results"][0]
            shown = "ü" * 1_023 + "…" if name == "long" else error
            assert job["error"] == recent_jobs(ada)[0]["error"] == shown
            whole = api.get(f"/api/v1/jobs/{name}/").json()
            assert whole["error"] == error
            assert [attempt["error"] for attempt in job["attempts"]] == [shown] * len(whole["attempts"])

    def test_a_page_of_large_results_is_small(self) -> None:
        ada = make_owner("ada")
        api = client_of(ada.user)
        for n in range(20):
            submit(api, job_id=f"j{n}")
            ended(ada, f"j{n}", result=MEGABYTE)
        assert len(api.get("/api/v1/jobs/").content) < 30_000
        assert len(api.get("/api/v1/jobs/j0/").content) > 1_000_000
        jobs = list(Job.objects.listed())
        read = {field for job in jobs for row in (job, job.ended) for field in vars(row)}
        assert not read & {"payload", "result", "error", "log"}, "what is left out is not read either"


@pytest.mark.django_db
def test_a_waiting_job_says_why_it_waits() -> None:
    ada = make_owner("ada")
    api = client_of(ada.user)
    submit(api)
    why = "Waits for a processor that has its task."
    Waiting.objects.update(note=why)
    assert api.get("/api/v1/jobs/j1/").json()["message"] == why
    assert api.get("/api/v1/jobs/").json()["results"][0]["message"] == why
    assert queue_snapshot(ada)["waiting"][0]["message"] == why


@pytest.mark.usefixtures("no_rules")
def test_a_queue_is_encoded_once_for_all_streams_of_its_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    everyone_takes_turns()
    ada = make_owner("ada")
    submit_jobs(ada, "first")
    encoded: list[Any] = []
    encode = sse.data

    def counted(value: Any) -> bytes:
        encoded.append(value)
        return encode(value)

    monkeypatch.setattr(sse, "data", counted)

    async def first_queues() -> list[bytes]:
        hub = Hub()
        streams = [Stream(StreamAccess(ada.pk, ada.user_id, user_of(ada).password), 0) for _ in range(20)]
        for stream in streams:
            hub.join(stream)
        parts = [await anext(part async for part in stream.events() if b"event: queue" in part) for stream in streams]
        for stream in streams:
            hub.leave(stream)
        return parts

    parts = asyncio.run(asyncio.wait_for(first_queues(), 60))
    assert len(parts) == 20
    assert all(b'"first"' in part for part in parts)
    assert len(encoded) < 20
