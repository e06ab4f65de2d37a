"""The task process and what it shares with its worker, without a cluster."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from pytest_django import Settings

from queueapp.lifecycle.submit import submit
from queueapp.lifecycle.turn import Turn
from queueapp.lifecycle.validation import parse
from queueapp.models import JobReport, Outcome, Waiting
from queueapp.registry import JobContext
from queueapp.workers.job_reports import Said
from queueapp.workers.running_turn import LIVE_EVERY, RunningTurn
from queueapp.workers.shared_memory import LOG_KEPT, NOTHING_SAID, OUTPUT_MOST, Kind, Record, SharedMemory
from queueapp.workers.task_process import TaskProcess
from queueapp.workers.worker import Worker
from tests.kit.queue import make_owner, outcome, registered_worker

RECORD = Record(3, 1.5, 2.25, Kind.RESULT, '{"é": 1}', "printed\nlines", 0.5, "half way")


@pytest.fixture
def memory() -> SharedMemory:
    return SharedMemory()


@pytest.fixture
def worker(no_rules: None) -> Iterator[Worker]:
    """A worker in this process, with a real task process. Without rules all users are one flow."""
    made = registered_worker()
    yield made
    made.release()


def test_records_are_read_as_they_were_written(memory: SharedMemory) -> None:
    short = Record(0, 0.0, 0.1, Kind.ERROR, "", "", 0.0, "")
    memory.add(short)
    memory.add(RECORD)
    assert memory.ended() == [short, RECORD]
    memory.clear()
    assert memory.ended() == []


@pytest.mark.parametrize("garbage", [b"x", b"\n", b"\xff\x00" * 100, b"\n0123456789abcdef1 2 3 4 result 0 0 0\n"])
def test_garbage_between_records_hides_none(memory: SharedMemory, garbage: bytes) -> None:
    memory.records.append(garbage)
    memory.add(RECORD)
    memory.records.append(garbage)
    memory.add(RECORD)
    assert memory.ended() == [RECORD, RECORD]


@pytest.mark.parametrize("head", ["", "x 0 0 0 result 0 0 0", "1 nan", "1 0 0 0 result 0 0 -5", "1 0 0 0 result 9 9 9"])
def test_a_broken_record_is_none_or_of_text_alone(memory: SharedMemory, head: str) -> None:
    memory.records.append(f"\n{memory.mark}{head}\nabc".encode())
    memory.add(RECORD)
    assert memory.ended()[-1] == RECORD


def test_what_a_task_reports_is_bounded_whatever_it_is(memory: SharedMemory) -> None:
    job = JobContext("j", 1.0, 1, memory)
    for given, kept in [(float("nan"), 0.0), (float("inf"), 1.0), (-1.0, 0.0), (2.0, 1.0), (0.25, 0.25)]:
        job.progress(given, "\udce9\x00é" + "x" * 10_000_000)
        assert memory.fraction == kept
    assert memory.message == "?é" + "x" * 497
    memory.report(float("nan"), "y" * 500)
    assert (memory.fraction, memory.message) == (0.0, "y" * 500)


def test_what_a_worker_reads_of_stages_and_note_is_bounded_whatever_was_written(memory: SharedMemory) -> None:
    job = JobContext("j", 1.0, 1, memory)
    memory.start(0, time.monotonic())
    job.stage("\udce9\x00é" + "x" * 1_000)
    job.note("n" * 1_000_000)
    said = memory.present_said()
    assert said is not None
    assert [name for name, _ in json.loads(said.stages)] == ["?é" + "x" * 97]
    assert len(said.note) == 20_000
    for _ in range(99):
        job.stage("more")
    with pytest.raises(ValueError, match="at most 100 stages"):
        job.stage("one too many")
    wrong = b"[", b"[[[1]], 2]", b'[[["a", NaN]], "x"]', b"[" * 100_000, b'[[["a", "b"]], ""]', b"\xff" * 300_000
    for written in (*wrong, b'[{"a": 1}, ""]', b'[[["a", 1%s]], ""]' % (b"0" * 400)):
        memory.live.truncate(0)
        memory.live.append(written)
        found = memory.present_said()
        assert found is None or json.loads(found.stages) == [["a", 0.0]]
    memory.add(RECORD._replace(said="[[], 1]" + " " * 1_000_000))
    assert memory.ended() == [RECORD._replace(said="")]
    memory.start(1, time.monotonic())
    assert (memory.present_said(), memory.said) == (None, "")


def test_a_note_that_is_taken_back_is_told_from_one_that_is_being_written(memory: SharedMemory) -> None:
    job = JobContext("j", 1.0, 1, memory)
    memory.start(0, time.monotonic())
    assert memory.said_version() == NOTHING_SAID
    job.note("half")
    memory.live.truncate(0)
    assert memory.present_said() is None
    job.note("")
    assert memory.present_said() == Said()
    assert memory.said == ""
    memory.start(1, time.monotonic())
    assert memory.said_version() == NOTHING_SAID, "nothing is stored of a job that says nothing"


def test_the_longest_note_and_stages_are_read_in_any_script(memory: SharedMemory) -> None:
    job = JobContext("j", 1.0, 1, memory)
    for sign in "é", "字", "😀", "\x01":
        memory.start(0, time.monotonic())
        for _ in range(100):
            job.stage(sign * 100)
        job.note(sign * 20_000)
        said = memory.present_said()
        assert said is not None
        assert said.note == sign * 20_000
        assert [name for name, _ in json.loads(said.stages)] == [sign * 100] * 100


def test_of_much_output_the_beginning_and_the_end_are_kept(memory: SharedMemory) -> None:
    memory.output.append(b"begin" + b"x" * OUTPUT_MOST)
    memory.bound_output()
    assert memory.output.size() < OUTPUT_MOST
    memory.output.append(b"y" * OUTPUT_MOST + b"end")
    log = memory.take_log()
    assert log.startswith("begin")
    assert log.endswith("end")
    assert "bytes left out" in log
    assert len(log) < LOG_KEPT + 100
    assert memory.take_log() == ""


@pytest.mark.parametrize(("serves", "processes"), [("many", 1), ("owner", 2), ("job", 3)])
def test_a_task_process_serves_as_many_jobs_as_the_settings_say(
    worker: Worker, settings: Settings, serves: str, processes: int
) -> None:
    """What tasks change of Python's objects is there for no other owner's job, or for no other job."""
    settings.QUEUEAPP = settings.QUEUEAPP | {"TASK_PROCESS_FOR": serves}
    for name, jobs in (("ada", ["a1", "a2"]), ("bob", ["b1"])):
        submit(make_owner(name), [parse({"job_id": job, "task": "pid", "duration": 0.001}) for job in jobs])
    worker.take_turns()
    results: list[Any] = list(Outcome.objects.order_by("job").values_list("result", flat=True))
    assert {result["worker"] for result in results} == {os.getpid()}
    assert len({result["task"] for result in results}) == processes
    owners = list(Outcome.objects.order_by("job").values_list("owner", flat=True))
    assert [result["owner"] for result in results] == owners


def test_a_turn_goes_on_after_each_job_that_ends_its_process(worker: Worker) -> None:
    """Every other one does: the ones between them run once, and nothing is left over."""
    ada = make_owner("ada")
    jobs = [
        {"job_id": f"{n}", "task": "fail", "duration": 0.0001, "payload": {"how": "exit-process"}}
        if n % 2
        else {"job_id": f"{n}", "task": "pid", "duration": 0.0001}
        for n in range(20)
    ]
    submit(ada, [parse(job) for job in jobs])
    worker.take_turns()
    assert Outcome.objects.filter(status="succeeded", attempt=1).count() == 10
    assert Outcome.objects.count() == 10, "the others wait for their second attempt"


def test_an_outcome_that_the_database_refuses_costs_the_job_that_runs_on_no_sign_of_life(worker: Worker) -> None:
    """It is settled while a later job of its turn outruns the quantum."""
    submit_jobs: list[dict[str, Any]] = [
        {"job_id": "bad", "duration": 0.001},
        {"job_id": "long", "task": "nap", "duration": 0.001},
    ]
    submit_jobs[1]["payload"] = {"seconds": 1.0}
    submit(make_owner("ada"), [parse(job) for job in [*submit_jobs, {"job_id": "after", "duration": 0.001}]])
    turn = worker.settle_and_claim(Turn(), None, more=True)
    bad = replace(outcome(turn.jobs[0]), result='"\\u0000"')
    running = RunningTurn(worker.processor, Turn(turn.number, turn.jobs[1:]), TaskProcess(), [bad])
    ends = running.work_through()
    worker.process = running.process
    ended = Outcome.objects.get()
    assert (ended.job.name, ended.status) == ("bad", "failed"), "settled while the long one ran"
    assert "could not be stored" in ended.error
    assert worker.settle_and_claim(turn, ends, more=False, in_doubt=running.in_doubt).kept
    assert Outcome.objects.get(job__name="long").status == "succeeded"
    assert Waiting.objects.get().attempt == 1


def test_what_a_job_had_said_stays_on_its_page_while_it_writes_anew(worker: Worker) -> None:
    submit(make_owner("ada"), [parse({"job_id": "talks", "duration": 1.0})])
    turn = worker.settle_and_claim(Turn(), None, more=True)
    worker.process = TaskProcess()
    running, memory = RunningTurn(worker.processor, turn, worker.process, []), worker.process.memory
    memory.start(0, time.monotonic())
    memory.set_note("half")
    running._store_live(turn.jobs[0], time.monotonic() + LIVE_EVERY)
    memory.live.truncate(0)  # its task process is about to write the next note
    memory.write_log("more")
    running._store_live(turn.jobs[0], time.monotonic() + 2 * LIVE_EVERY)
    report = JobReport.objects.get()
    assert (report.note, report.log) == ("half", "more\n")
