"""manage.py replay: a log of a shared computer against the queue."""

from __future__ import annotations

import math
import statistics
import threading
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from queueapp.lifecycle.outcome import JobOutcome
from queueapp.lifecycle.processors import register
from queueapp.lifecycle.submit import Accepted
from queueapp.lifecycle.turn import take_turn
from queueapp.lifecycle.validation import Submission
from queueapp.models import Job, Outcome, Owner, Waiting
from queueapp.replay import replay
from queueapp.replay.replay import Pace, Replay, load, owners_of
from queueapp.states import Status
from tests.kit.queue import make_user
from tests.replay.test_swf import swf

pytestmark = pytest.mark.django_db(transaction=True)

LOG = [
    "; Version: 2.2",
    swf(1, 100, 30, user=7),
    swf(2, 100, 20, user=7),
    swf(3, 100, 10, user=8),
    "this is no job",
    swf(4, 160, -1, user=7),
    swf(5, 220, 0, user=-1),
    swf(6, 130, 15, user=8),
]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return write(tmp_path, LOG)


@pytest.fixture
def processor() -> Iterator[None]:
    """One processor in a thread, which takes turns and is done with every job at once; number 2 fails."""
    stop = threading.Event()
    thread = threading.Thread(target=drain, args=[stop])
    thread.start()
    yield
    stop.set()
    thread.join()


def drain(stop: threading.Event) -> None:
    processor, last, outcomes = register("test").pk, 0, None
    while not stop.is_set():
        turn = take_turn(processor, last, outcomes, now=time.monotonic())
        last, outcomes = (
            turn.number,
            [done(job.id, job.owner, job.name, job.attempt) for job in turn.jobs] or None,
        )
        if not turn.jobs:
            time.sleep(0.01)
    connection.close()


def done(job: int, owner: int, name: str, attempt: int) -> JobOutcome:
    status = Status.FAILED if name.endswith(":2") else Status.SUCCEEDED
    return JobOutcome(job, owner, status, attempt, 0.25, time.monotonic())


def write(folder: Path, lines: list[str]) -> Path:
    file = folder / "log.swf"
    file.write_text("\n".join(lines))
    return file


def run(file: Path, **options: object) -> tuple[dict[str, str], str]:
    """The table by its labels, and what was said on standard error."""
    out, err = StringIO(), StringIO()
    try:
        call_command("replay", str(file), **{"speed": 1000.0, "stdout": out, "stderr": err} | options)
    finally:
        table = {line[:26].strip(): line[26:].strip() for line in out.getvalue().splitlines()}
    return table, err.getvalue()


def owned(name: str) -> list[str]:
    """The names of an owner's jobs in the order of submission, without the run's part."""
    jobs = Job.objects.filter(owner=Owner.objects.named([name])[name]).order_by("pk")
    return [job.name.partition(":")[2] for job in jobs]


@pytest.mark.usefixtures("processor")
def test_a_log_is_replayed_to_its_end_and_reported(log: Path) -> None:
    table, said = run(log)
    waits = [
        (outcome.started_at - outcome.job.submitted_at).total_seconds()
        for outcome in Outcome.objects.select_related("job")
        if outcome.started_at
    ]
    assert table == {
        "jobs submitted": "6",
        "users": "3",
        "succeeded": "5",
        "failed": "1",
        "cancelled": "0",
        "still waiting or running": "0",
        "wait, median": f"{statistics.median(waits):.2f} s",
        "wait, 95th percentile": table["wait, 95th percentile"],
        "time spent": "1.50 s",
        "malformed lines skipped": "1",
        "jobs too long, skipped": "0",
        "run times unknown": "1",
        "run times 0": "1",
        "jobs lost": "0",
    }
    assert statistics.median(waits) - 0.01 <= float(table["wait, 95th percentile"].split()[0]) <= max(waits) + 0.01
    assert said == "Line 5 is malformed, skipped: has 4 of 18 fields.\n"


@pytest.mark.usefixtures("processor")
def test_every_user_gets_a_key_and_keeps_the_order_of_the_file(log: Path) -> None:
    run(log)
    assert set(Owner.objects.values_list("key", flat=True)) == {"log-user-7", "log-user-8", "log-user-unknown"}
    assert not get_user_model().objects.exists()
    assert (owned("log-user-7"), owned("log-user-8"), owned("log-user-unknown")) == (
        ["1", "2", "4"],
        ["3", "6"],
        ["5"],
    )
    assert list(Job.objects.order_by("pk").values_list("duration", flat=True)) == [
        0.03,
        0.02,
        0.01,
        0.06,
        0.001,
        0.015,
    ]
    assert set(Job.objects.values_list("task", flat=True)) == {"wait"}


@pytest.mark.usefixtures("processor")
def test_the_users_that_are_named_stand_for_the_first_users(log: Path) -> None:
    make_user("alice")
    make_user("bob")
    run(log, users="alice, bob")
    assert (owned("alice"), owned("bob"), owned("log-user-unknown")) == (["1", "2", "4"], ["3", "6"], ["5"])
    run(log, users="alice", limit=1)
    assert owned("alice") == ["1", "2", "4", "1"]


@pytest.mark.usefixtures("processor")
def test_limit_takes_the_first_jobs_and_reads_no_further(log: Path) -> None:
    table, said = run(log, limit=3)
    assert (table["jobs submitted"], table["malformed lines skipped"], said) == ("3", "0", "")


@pytest.mark.usefixtures("processor")
def test_a_number_that_the_log_repeats_is_told_apart(tmp_path: Path) -> None:
    run(write(tmp_path, [swf(3), swf(3, run_time=5), swf(-1), swf(-1), swf(4)]))
    assert owned("log-user-5") == ["3", "3-line-2", "-1-line-3", "-1-line-4", "4"]


@pytest.mark.usefixtures("processor")
def test_a_log_can_be_replayed_again_under_another_name(log: Path) -> None:
    run(log, run="monday")
    with pytest.raises(CommandError, match="There are jobs of a run named 'monday' already"):
        run(log, run="monday")
    table, _ = run(log, run="mon")
    assert (table["succeeded"], Job.objects.count(), Outcome.objects.count()) == ("5", 12, 12)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"speed": 0.0}, "--speed must be a number above 0, not 0."),
        ({"speed": -3.0}, "--speed must be a number above 0, not -3."),
        ({"speed": math.nan}, "--speed must be a number above 0, not nan."),
        ({"speed": math.inf}, "--speed must be a number above 0, not inf."),
        ({"limit": 0}, "--limit must be at least 1, not 0."),
        ({"unknown": 0.0}, "--unknown must be a number above 0, not 0."),
        ({"timeout": -1.0}, "--timeout must be at least 0, not -1."),
        ({"run": "a:b"}, "--run takes up to 50 letters, digits and _ . - only."),
        ({"users": "nobody"}, "There is no active user named 'nobody'."),
        ({"users": "alice,alice"}, "One user cannot stand for two users of the log."),
    ],
)
def test_what_makes_no_sense_is_one_sentence(log: Path, options: dict[str, object], sentence: str) -> None:
    make_user("alice")
    with pytest.raises(CommandError) as refused:
        run(log, **options)
    assert str(refused.value) == sentence
    assert not Job.objects.exists()


def test_a_file_without_jobs_and_none_at_all(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"log\.swf has no job that can be replayed"):
        run(write(tmp_path, ["; nothing"]))
    with pytest.raises(CommandError, match="missing cannot be read: No such file or directory"):
        run(tmp_path / "missing")


def test_many_malformed_lines_are_not_all_told(tmp_path: Path) -> None:
    with pytest.raises(CommandError):
        run(write(tmp_path, ["x"] * 30), stderr=(said := StringIO()))
    assert said.getvalue().splitlines()[-2:] == [
        "Line 20 is malformed, skipped: has 1 of 18 fields.",
        "10 more lines are malformed, skipped.",
    ]


def test_without_processors_it_does_not_wait_for_ever(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "NO_PROCESSOR_SECONDS", 0.0)
    out = StringIO()
    with pytest.raises(CommandError, match="No processor is alive: 6 jobs still wait or run") as ended:
        run(log, stdout=out)
    assert ended.value.returncode == 2
    assert "still waiting or running             6\n" in out.getvalue()
    assert "jobs lost                            0\n" in out.getvalue()


def test_a_timeout_ends_the_wait(log: Path) -> None:
    register("test")
    with pytest.raises(CommandError, match="After 0 seconds, 6 jobs still wait or run") as ended:
        run(log, timeout=0.0)
    assert ended.value.returncode == 2


def test_lost_jobs_are_exit_code_1(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lose(self: Replay, show: replay.Show) -> None:
        submit_all(self, show)
        Waiting.objects.all().delete()

    submit_all = Replay.submit_all
    monkeypatch.setattr(Replay, "submit_all", lose)
    out = StringIO()
    with pytest.raises(CommandError, match="6 accepted jobs are lost") as ended:
        run(log, stdout=out)
    assert ended.value.returncode == 1
    assert "jobs lost                            6\n" in out.getvalue()


@pytest.mark.parametrize("moment", ["submit_all", "wait"])
def test_ctrl_c_prints_what_there_is(log: Path, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Replay, moment, interrupt)
    out = StringIO()
    with pytest.raises(CommandError, match="Interrupted") as ended:
        run(log, stdout=out)
    assert ended.value.returncode == 130
    submitted = 0 if moment == "submit_all" else 6
    assert Waiting.objects.count() == submitted
    assert f"jobs submitted                       {submitted}\n" in out.getvalue()


class Clock:
    """A clock that moves only when somebody sleeps, and what was submitted at which second."""

    def __init__(self) -> None:
        self.now = 0.0
        self.submitted: list[tuple[float, str, list[str]]] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds

    def submit(self, owner: Owner, submissions: list[Submission]) -> Accepted:
        names = [submission.job_id.partition(":")[2] for submission in submissions]
        self.submitted.append((round(self.now, 6), owner.name, names))
        return Accepted(len(names), 0)


def test_jobs_are_submitted_at_their_moments_in_the_order_of_the_file(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(replay, "time", clock)
    monkeypatch.setattr(replay, "submit", clock.submit)
    pace = Pace(10.0)
    shown: list[int] = []
    found = load(log, pace)
    Replay(found, owners_of(found), pace, "run").submit_all(shown.append)
    assert clock.submitted == [
        (0.0, "log-user-7", ["1", "2"]),
        (0.0, "log-user-8", ["3"]),
        (6.0, "log-user-7", ["4"]),
        (12.0, "log-user-unknown", ["5"]),
        (12.0, "log-user-8", ["6"]),
    ]
    assert shown == sorted(shown)
    assert shown[-1] == 6


def test_what_runs_too_long_for_the_queue_is_left_out(tmp_path: Path) -> None:
    file = write(tmp_path, [swf(1, run_time=604_801), swf(2, run_time=604_800)])
    found = load(file, Pace(1.0))
    assert [entry.number for entry in found.entries] == [2]
    assert [(line.line, line.reason) for line in found.too_long] == [
        (1, "takes 604,801 s at this speed, more than the 604,800 s of the longest job")
    ]
    assert load(file, Pace(2.0)).too_long == []
