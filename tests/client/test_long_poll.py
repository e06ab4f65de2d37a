"""The steps of a wait for one job, without a server: what the client asks for, and when it asks again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
import pytest

from turnabout_client import MemoryTokens
from turnabout_client._api import Api
from turnabout_client._operations import Operations
from turnabout_client._settings import timeout_of
from turnabout_client._steps import Send, Sleep, advance
from turnabout_client.shapes import Job, Status

REQUEST = httpx.Request("GET", "http://test/")


def answer(status: Status) -> httpx.Response:
    """The job, as a server has it."""
    job = Job(job_id="j", task="wait", duration=1, status=status, submitted_at=datetime.now(UTC))
    return httpx.Response(
        200, content=msgspec.json.encode(job), headers={"content-type": "application/json"}, request=REQUEST
    )


def test_a_server_that_answers_at_once_is_asked_again_after_growing_pauses() -> None:
    steps = Operations(Api("token", None, MemoryTokens(), 0.0), {}).wait("j")
    asked, pauses = list[str](), list[float]()
    outcome: Any = None
    while len(pauses) < 12:
        step = advance(steps, outcome)
        outcome = None
        if isinstance(step, Send):
            asked.append(step.request.params.get("wait", ""))
            outcome = answer("queued")
        elif isinstance(step, Sleep):
            pauses.append(step.seconds)
    assert asked[:3] == ["", "30", "30"], "a look, then waits"
    assert pauses[0] <= 0.25
    assert 2.5 <= pauses[-1] <= 5


def test_a_wait_goes_on_while_the_site_is_away_and_busy() -> None:
    steps = Operations(Api("token", None, MemoryTokens(), 0.0), {}).wait("j", timeout=60)
    busy = httpx.Response(503, headers={"retry-after": "2"}, request=REQUEST)
    outcomes: list[Any] = [answer("queued"), httpx.ReadTimeout("no answer"), busy, answer("succeeded")]
    pauses = list[float]()
    outcome: Any = None
    while outcomes:
        step = advance(steps, outcome)
        outcome = None
        if isinstance(step, Send):
            assert timeout_of(step.request).read == (30.0 if not step.request.wait else step.request.wait + 10)
            outcome = outcomes.pop(0)
        elif isinstance(step, Sleep):
            pauses.append(step.seconds)
    with pytest.raises(StopIteration) as end:
        advance(steps, outcome)
    assert end.value.value.succeeded
    assert len(pauses) == 2
    assert pauses[1] >= 2
