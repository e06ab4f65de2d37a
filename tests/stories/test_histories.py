"""The checker of histories: small ones made by hand, good and bad. Each rule must refuse each of its bad ones."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from bench import histories
from bench.histories.history import read
from bench.histories.record import running, to
from bench.histories.rules import RULES, check
from bench.histories.watch import Watch

Op = dict[str, Any]
LOST, TWICE, STANDS, ORDER, FAIR, ONCE = RULES


def op(at: float, process: str, kind: str, f: str, **value: Any) -> Op:
    return {"process": process, "type": kind, "f": f, "value": value, "time": round(at * 1e9)}


def asked(at: float, user: str, *jobs: str, end: str = "ok", duration: float = 0.1, until: float = 0.01) -> list[Op]:
    value = {"user": user, "jobs": [{"job": job, "duration": duration} for job in jobs]}
    return [op(at, user, "invoke", "submit", **value), op(at + until, user, end, "submit", **value)]


def ran(at: float, job: str, seconds: float = 0.1, *, pid: int = 1, attempt: int = 1, end: str = "ok") -> list[Op]:
    value = {"job": job, "attempt": attempt, "pid": pid}
    begin = op(at, f"task {pid}", "invoke", "run", **value)
    return [begin, op(at + seconds, f"task {pid}", end, "run", **value)] if end else [begin]


def did(at: float, f: str, user: str, job: str, status: str = "", attempt: int = 1, end: str = "ok") -> list[Op]:
    """A read, cancel or retry that takes 10 ms."""
    value = {"user": user, "job": job}
    told = value | ({"status": status, "attempt": attempt} if status else {})
    return [op(at, f"{user} {f}", "invoke", f, **value), op(at + 0.01, f"{user} {f}", end, f, **told)]


def told(at: float, user: str, number: int, job: str, status: str = "succeeded", owner: str = "", **more: Any) -> Op:
    value = {"user": user, "id": number, "job": job, "owner": owner or user, "status": status, "attempt": 1} | more
    return op(at, f"{user} listens", "ok", "completed", **value)


def final(user: str, **jobs: str) -> Op:
    value = [{"job": job, "owner": user, "status": status, "attempt": 1} for job, status in jobs.items()]
    return op(99, f"{user} looks", "ok", "read-all", user=user, jobs=value)


def setup(**limits: Any) -> Op:
    return op(0, "bench", "info", "setup", **({"processors": 2, "quantum": 0.02, "flows": "own"} | limits))


def broken(*operations: Op | list[Op]) -> set[str]:
    """The rules that refuse this history."""
    flat = [one for some in operations for one in (some if isinstance(some, list) else [some])]
    return {name for name, verdict in check(read(map(json.dumps, flat))).items() if verdict.broken}


A_GOOD_RUN = [
    setup(),
    *asked(1, "ann", "a1", "a2"),
    *asked(1, "ben", "b1"),
    *ran(2, "a1", pid=1),
    *ran(2, "b1", pid=2),
    told(2.2, "ann", 1, "a1"),
    told(2.2, "ben", 2, "b1"),
    *ran(3, "a2", end="fail"),
    *did(3.2, "read", "ann", "a2", "queued"),
    *ran(4, "a2", attempt=2),
    told(4.2, "ann", 3, "a2", attempt=2),
    *did(5, "read", "ann", "a1", "succeeded"),
    op(98, "ann looks", "ok", "read-all", user="ann", jobs=[
        {"job": "a1", "owner": "ann", "status": "succeeded", "attempt": 1},
        {"job": "a2", "owner": "ann", "status": "succeeded", "attempt": 2},
    ]),
    final("ben", b1="succeeded"),
]  # fmt: skip


def test_a_good_history_breaks_no_rule() -> None:
    verdicts = check(read(map(json.dumps, A_GOOD_RUN)))
    assert not [what for verdict in verdicts.values() for what in verdict.broken]
    assert all(verdict.checked for name, verdict in verdicts.items() if name != FAIR)


@pytest.mark.parametrize("end", ["invoke", "info", "fail"])
def test_a_job_may_be_missing_that_was_never_acknowledged(end: str) -> None:
    submission = asked(1, "ann", "a1", end=end)
    assert not broken(submission[:1] if end == "invoke" else submission, final("ann"))


@pytest.mark.parametrize("end", ["invoke", "info"])
def test_a_job_may_be_there_whose_acknowledgement_was_lost(end: str) -> None:
    submission = asked(1, "ann", "a1", end=end)
    assert not broken(submission[:1] if end == "invoke" else submission, ran(2, "a1"), final("ann", a1="succeeded"))


LOSSES = {
    "an acknowledged job is gone": [*asked(1, "ann", "a1"), final("ann")],
    "an acknowledged job never ended": [*asked(1, "ann", "a1"), final("ann", a1="queued")],
    "a job of a bulk submission is gone": [*asked(1, "ann", "a1", "a2"), *ran(2, "a1"), final("ann", a1="succeeded")],
    "a refused job is there": [*asked(1, "ann", "a1", end="fail"), final("ann", a1="cancelled")],
    "a job is there that nobody asked for": [final("ann", a1="cancelled")],
    "a job ran that nobody asked for": [*ran(1, "a1")],
    "a job succeeded that never ran": [*asked(1, "ann", "a1"), final("ann", a1="succeeded")],
    "a job succeeded whose only run failed": [
        *asked(1, "ann", "a1"),
        *ran(2, "a1", end="fail"),
        final("ann", a1="succeeded"),
    ],
}


@pytest.mark.parametrize("name", LOSSES)
def test_the_checker_refuses_a_history_in_which(name: str) -> None:
    assert broken(LOSSES[name]) == {LOST}


def test_a_run_may_begin_when_the_process_of_the_last_one_was_seen_no_more() -> None:
    gone = op(2.5, "watch", "info", "gone", pid=1, seen=2.4e9)
    assert not broken(asked(1, "ann", "a1"), ran(2, "a1", end=""), gone, ran(2.45, "a1", pid=2, attempt=2))


def test_it_refuses_two_runs_of_a_job_at_once() -> None:
    assert broken(asked(1, "ann", "a1"), ran(2, "a1"), ran(2.05, "a1", pid=2, attempt=2)) == {TWICE}


def test_it_refuses_a_run_while_the_process_of_an_earlier_one_is_alive() -> None:
    gone = op(9, "watch", "info", "gone", pid=1, seen=8e9)
    begun = [*asked(1, "ann", "a1"), *ran(2, "a1", end="")]
    assert broken(begun, ran(5, "a1", pid=2, attempt=2), gone) == {TWICE}
    assert broken(begun, ran(5, "a1", pid=2, attempt=2)) == {TWICE}


def test_two_runs_may_overlap_where_the_first_processor_was_cut_off_for_a_lease_and_not_for_less() -> None:
    runs = [*asked(1, "ann", "a1"), *ran(2, "a1", 20), *ran(15, "a1", pid=2, attempt=2, end="fail")]

    def cut(seconds: float) -> list[Op]:
        return [op(3, "bench", "invoke", "fault", what="cut"), op(3 + seconds, "bench", "info", "fault", what="cut")]

    assert not broken(setup(lease=10.0), runs, cut(10))
    assert broken(setup(lease=10.0), runs, cut(2)) == {TWICE}
    assert broken(setup(lease=10.0), runs) == {TWICE}


def test_a_retry_may_change_an_outcome_and_so_may_one_whose_answer_was_lost() -> None:
    begin = [*asked(1, "ann", "a1"), *ran(2, "a1", end="fail"), *did(3, "read", "ann", "a1", "failed")]
    again = [*ran(5, "a1"), *did(6, "read", "ann", "a1", "succeeded")]
    assert not broken(begin, did(4, "retry", "ann", "a1", "queued", 0), again)
    assert not broken(begin, did(4, "retry", "ann", "a1", end="info"), again)
    assert not broken(begin, did(4, "retry", "ann", "a1")[:1], again)


TAKEN_BACK = {
    "another outcome": did(4, "read", "ann", "a1", "succeeded"),
    "no outcome any more": did(4, "read", "ann", "a1", "running"),
    "another attempt": did(4, "read", "ann", "a1", "failed", attempt=2),
    "another outcome on the stream": [told(4, "ann", 1, "a1", "cancelled")],
    "another run": ran(4, "a1", attempt=2, end="fail"),
    "another outcome after a retry that was refused": [
        *did(4, "retry", "ann", "a1", end="fail"),
        *did(5, "read", "ann", "a1", "succeeded"),
    ],
    "another outcome after a retry that came before it": [
        *did(5, "read", "ann", "a1", "succeeded"),
    ],
}


@pytest.mark.parametrize("name", TAKEN_BACK)
def test_it_refuses_after_an_outcome_was_told(name: str) -> None:
    begin = [*asked(1, "ann", "a1"), *ran(2, "a1", end="fail")]
    early = did(2.5, "retry", "ann", "a1") if "before" in name else []
    assert broken(begin, early, did(3, "read", "ann", "a1", "failed"), TAKEN_BACK[name]) == {STANDS}


def test_a_look_that_began_before_an_outcome_was_told_may_be_older() -> None:
    look = [op(2, "ann 2", "invoke", "read", user="ann", job="a1")]
    look += [op(4, "ann 2", "ok", "read", user="ann", job="a1", status="running", attempt=1)]
    assert not broken(asked(1, "ann", "a1"), look, did(3, "read", "ann", "a1", "succeeded"))


def test_an_outcome_may_be_told_late_by_an_event_after_the_job_was_retried() -> None:
    cancelled = [*asked(1, "ann", "a1"), *did(2, "cancel", "ann", "a1", "cancelled", attempt=0)]
    late = told(2.7, "ann", 1, "a1", "cancelled", attempt=0)
    then = [*did(2.6, "read", "ann", "a1", "queued", attempt=0), late, *ran(3, "a1"), told(3.2, "ann", 2, "a1")]
    assert not broken(cancelled, did(2.5, "retry", "ann", "a1", "queued", attempt=0), then)
    assert broken(cancelled, then) == {STANDS}


def test_another_processors_turn_may_be_overtaken_and_no_more_than_that() -> None:
    tiny = [f"a{n}" for n in range(40)]  # of 2 ms: a turn has ten, or eleven
    submitted = [setup(), *asked(1, "ann", *tiny, duration=0.002)]

    def late(many: int) -> list[Op]:
        """All jobs run one after the other, but for the first few, which run behind all others."""
        return [one for n, job in enumerate(tiny[many:] + tiny[:many]) for one in ran(2 + n / 100, job, 0.002)]

    assert not broken(submitted, late(10))
    assert broken(submitted, late(12)) == {ORDER}


def test_it_refuses_a_later_job_that_begins_first() -> None:
    jobs = [*asked(1, "ann", "a1", duration=0.1), *asked(2, "ann", "a2", "a3", duration=0.1)]
    wrong = [*ran(3, "a3"), *ran(4, "a2"), *ran(5, "a1")]
    assert broken(setup(processors=1), jobs, ran(3, "a2"), ran(4, "a1")) == {ORDER}
    assert broken(setup(), jobs, wrong) == {ORDER}


def test_jobs_behind_a_tiny_one_that_outruns_the_quantum_may_be_overtaken_until_they_are_put_back() -> None:
    jobs = [*asked(1, "ann", "a1", *(f"a{n}" for n in range(2, 40)), duration=0.002)]
    turns = [*ran(2, "a1", 0.3), *(one for n in range(14, 40) for one in ran(2 + n / 500, f"a{n}", 0.002, pid=2))]
    later = [one for n in range(2, 14) for one in ran(2.31 + n / 500, f"a{n}", 0.002)]
    assert not broken(setup(), jobs, turns, later)
    assert broken(setup(), jobs, ran(2, "a1", 0.002), turns[2:], later) == {ORDER}


def test_order_may_be_broken_by_a_turn_that_was_taken_back_and_by_a_cancellation() -> None:
    jobs = [setup(processors=1), *asked(1, "ann", "a1"), *asked(2, "ann", "a2"), *ran(3, "a2"), *ran(9, "a1")]
    assert not broken(jobs, op(4, "bench", "info", "fault"))
    assert broken(jobs, op(0.5, "bench", "info", "fault")) == {ORDER}
    assert not broken(jobs, did(2.5, "cancel", "ann", "a1", end="info"))


def backlog(*turns: str, weights: dict[str, float] | None = None) -> list[Op]:
    """Two flows of a hundred jobs each, of which one processor takes these in turn, 0.1 s each."""
    begin = [setup(processors=1, weights=weights or {})]
    begin += asked(0.1, "ann", *(f"a{n}" for n in range(100))) + asked(0.1, "ben", *(f"b{n}" for n in range(100)))
    counts = dict.fromkeys("ab", 0)
    for n, flow in enumerate(turns):
        begin += ran(1 + n / 10, f"{flow}{counts[flow]}", 0.0999)
        counts[flow] += 1
    return begin


def test_backlogged_flows_may_get_their_shares_by_weight() -> None:
    assert not broken(backlog(*"ab" * 80))
    assert not broken(backlog(*"aab" * 40, weights={"ann": 2.0}))


def test_it_refuses_a_flow_that_gets_more_than_its_share_for_a_while() -> None:
    assert broken(backlog(*"ab" * 20, *"a" * 10, *"ab" * 20)) == {FAIR}
    assert broken(backlog(*"ab" * 40, weights={"ann": 2.0})) == {FAIR}
    assert broken(backlog(*"aab" * 30)) == {FAIR}


def test_who_has_nothing_in_line_is_owed_nothing() -> None:
    alone = [op for op in backlog(*"a" * 60) if op["value"].get("user") != "ben"]
    assert not broken(alone)


TOLD_WRONG = {
    "the same number twice": [told(2, "ann", 1, "a1"), told(3, "ann", 1, "a1")],
    "a lower number later": [told(2, "ann", 2, "a2"), told(3, "ann", 1, "a1")],
    "a completion of somebody else": [told(2, "ann", 1, "a1"), told(3, "ann", 2, "b1", owner="ben")],
    "too little": [told(2, "ann", 1, "a1"), final("ann", a1="cancelled", a2="cancelled")],
}


@pytest.mark.parametrize("name", TOLD_WRONG)
def test_it_refuses_a_stream_that_tells(name: str) -> None:
    jobs = [*asked(1, "ann", "a1", "a2"), *asked(1, "ben", "b1")]
    assert ONCE in broken(jobs, TOLD_WRONG[name])


def test_a_listener_that_comes_back_goes_on_where_it_was() -> None:
    jobs = asked(1, "ann", "a1", "a2")
    assert not broken(
        jobs, told(2, "ann", 1, "a1"), op(3, "ann listens", "info", "stream", after=1), told(4, "ann", 2, "a2")
    )


def test_the_checker_imports_nothing_of_the_product() -> None:
    folder = Path(str(histories.__file__)).parent
    for name in ("history", "rules", "fairness", "__main__"):
        tree = ast.parse((folder / f"{name}.py").read_text())
        imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        imported |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
        assert not [one for one in imported if one.partition(".")[0] in {"queueapp", "jobsite", "tests", "django"}]


def test_what_a_task_records_is_read_again_and_a_dead_process_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import subprocess
    import sys

    monkeypatch.setenv("BENCH_HISTORY", "")
    file = tmp_path / "history.jsonl"
    to(str(file))
    watch = Watch(file)
    watch.start()
    with running("a1", 1), pytest.raises(ValueError, match="x"), running("a2", 1):
        raise ValueError("x")
    dies = "import os; from bench.histories.record import running\nwith running('a3', 1): os._exit(1)"
    subprocess.run([sys.executable, "-c", dies], check=False)
    watch.stop()
    to("")
    history = read(file.read_text().splitlines())
    found = [(run.job, run.ended, run.end < float("inf")) for run in history.runs]
    assert ("a2", "fail", True) in found
    assert ("a3", "", True) in found
