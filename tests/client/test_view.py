"""The queue as the command line shows it: the same as the page shows of the same events."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
import pytest

from queueapp.lifecycle.validation import Submission
from queueapp.snapshots import shapes as server
from queueapp.states import Status
from tests.kit.site import BASE
from turnabout_client import Completed, Estimates, Event, Job, Progress, Queue, shapes
from turnabout_client.view import QueueView

NOW = datetime(2030, 1, 31, 8, tzinfo=UTC)
PAGE = """
import { initialState, onQueue, onEstimates } from "%s/queueapp/static/queueapp/state.js";
const cases = JSON.parse(await new Promise((done) => {
  let text = ""; process.stdin.on("data", (part) => (text += part)).on("end", () => done(text));
}));
const shown = cases.map(({ queue, estimates }) =>
  onEstimates(onQueue(initialState([]), queue, 0), estimates, 0).queue.waiting.map((job) => job.estimated_start));
console.log(JSON.stringify(shown));
"""


def job(name: str, **fields: Any) -> dict[str, Any]:
    return {"job_id": name, "task": "wait", "duration": 1.0, "status": "running", "submitted_at": NOW} | fields


def queue(seconds: float = 0.0, running: tuple[Any, ...] = (), waiting: tuple[Any, ...] = ()) -> Queue:
    """A queue so many seconds after NOW."""
    data = {
        "time": NOW + timedelta(seconds=seconds), "running": running, "waiting": waiting,
        "waiting_count": len(waiting), "share": {"owed": 0.5, "weight": 1.0},
        "processors": {"alive": 2, "busy": 1, "starting": 0},
    }  # fmt: skip
    return msgspec.convert(data, Queue)


def completed(name: str, seconds: float) -> Completed:
    ended = NOW + timedelta(seconds=seconds)
    return Completed(number=1, job=msgspec.convert(job(name, status="succeeded", finished_at=ended), Job))


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def view(*events: Event) -> QueueView:
    """The view after these events, at the moment of the last one."""
    made = QueueView(Clock())
    for event in events:
        made.apply(event)
    return made


def running(made: QueueView) -> list[str]:
    return [one.job_id for one in made.queue.running] if made.queue else []


def test_estimated_starts_are_those_of_the_page() -> None:
    chance = random.Random(7)
    cases: list[dict[str, Any]] = []
    for _ in range(50):
        tags = sorted(chance.uniform(0, 100) for _ in range(chance.randrange(5)))
        waiting = tuple(job(f"{n}", status="queued", tag=chance.uniform(-10, 120)) for n in range(5))
        waiting += (job("untagged", status="queued", estimated_start=NOW), *(job(f"t{t}", tag=t) for t in tags))
        points = [[tag, chance.uniform(0, 60)] for tag in tags]
        estimates = {"time": NOW, "processors": {"alive": 2, "busy": 2, "starting": 0}, "shares": [],
                     "starts": points, "pace": chance.random(), "ranges": [], "held": None, "behind": 0.0}  # fmt: skip
        cases.append({"queue": queue(waiting=waiting).as_json(), "estimates": msgspec.to_builtins(estimates)})
    node = shutil.which("node", path=str(Path(sys.executable).parent))
    done = subprocess.run(
        [node or "node", "--input-type=module", "-e", PAGE % BASE], input=json.dumps(cases), capture_output=True,
        text=True, check=True, timeout=30,
    )  # fmt: skip
    for case, shown in zip(cases, json.loads(done.stdout), strict=True):
        now = view(msgspec.convert(case["queue"], Queue), msgspec.convert(case["estimates"], Estimates)).queue
        assert now is not None
        for mine, page in zip(now.waiting, shown, strict=True):
            assert mine.estimated_start is not None
            assert abs(mine.estimated_start - datetime.fromisoformat(page)) <= timedelta(milliseconds=1)


def test_a_job_that_has_ended_is_gone_from_an_older_queue_and_back_when_it_is_retried() -> None:
    assert running(view(queue(0, (job("a"), job("b"))), completed("a", 0.5))) == ["b"]
    assert running(view(completed("a", 0.5), queue(0.4, (job("a"),)))) == []
    assert running(view(completed("a", 0.5), queue(9, (job("a"),)))) == ["a"]


def test_what_is_older_than_what_is_known_changes_nothing() -> None:
    assert running(view(queue(2, (job("new"),)), queue(1, (job("old"),)))) == ["new"]
    made = view(queue(0, (job("a", time_spent=3.0, progress=0.5),)), progress("a", 2.0, 0.2))
    assert made.queue is not None
    assert made.queue.running[0].progress == 0.5


def progress(name: str, spent: float, done: float) -> Progress:
    told = {"job_id": name, "progress": done, "message": "half way", "time_spent": spent}
    return msgspec.convert({"time": NOW + timedelta(seconds=1), "jobs": [told]}, Progress)


def test_times_go_on_between_events() -> None:
    clock = Clock()
    made = QueueView(clock)
    made.apply(queue(0, (job("a"),)))
    made.apply(progress("a", 1.0, 0.5))
    clock.now += 2.5
    assert made.queue is not None
    assert made.queue.running[0].message == "half way"
    assert made.time_spent(made.queue.running[0]) == pytest.approx(3.5)
    assert made.now() == NOW + timedelta(seconds=3.5)


@pytest.mark.parametrize(
    "name", ["Attempt", "Job", "WaitingJob", "Share", "Processors", "Queue", "Estimates", "RunningJob", "Progress"]
)
def test_the_clients_shapes_are_those_of_the_server(name: str) -> None:
    assert {field.name for field in msgspec.structs.fields(getattr(shapes, name))} == set(
        get_type_hints(getattr(server, name))
    )


def test_the_clients_submissions_and_states_are_those_of_the_server() -> None:
    assert {field.name for field in msgspec.structs.fields(shapes.Submission)} == set(Submission.model_fields)
    assert set(get_args(shapes.Status)) == {status.value for status in Status}
