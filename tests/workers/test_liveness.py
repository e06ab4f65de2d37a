"""Liveness without a cluster: leases follow real processes, and turns of those that ended go back."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from queueapp.conf import queue_settings
from queueapp.lifecycle.processors import register
from queueapp.lifecycle.turn import take_turn
from queueapp.models import Processor, Waiting
from queueapp.workers import liveness as module
from queueapp.workers.liveness import POLL_SECONDS, Liveness, reap_orphans
from tests.kit.clock import StandingClock
from tests.kit.forks import exit_code, fork, in_fork, wait_to_be_ended
from tests.kit.queue import everyone_takes_turns, make_owner, second_connection, submit_jobs

pytestmark = pytest.mark.usefixtures("no_rules")
Start = Callable[[], "subprocess.Popen[bytes]"]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> StandingClock:
    found = StandingClock()
    monkeypatch.setattr(module, "time", found)
    return found


@pytest.fixture
def workers() -> set[int]:
    """The process ids that the sentinel knows."""
    return set()


@pytest.fixture
def start(workers: set[int]) -> Iterator[Start]:
    """Starts a process that does nothing, and that the sentinel knows."""
    started: list[subprocess.Popen[bytes]] = []

    def process() -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen(["sleep", "60"]))
        workers.add(started[-1].pid)
        return started[-1]

    yield process
    for process_ in started:
        process_.kill()
        process_.wait()


@pytest.fixture
def liveness(workers: set[int], clock: StandingClock) -> Liveness:
    return Liveness("c", lambda: workers)


def pids() -> set[int]:
    return set(Processor.objects.values_list("pid", flat=True))


def lease(processor: int) -> datetime:
    return Processor.objects.get(pk=processor).lease_until


def run_out(*processors: int) -> None:
    """Let the leases of these run out."""
    Processor.objects.filter(pk__in=processors).update(lease_until=timezone.now() - timedelta(seconds=1))


def test_the_job_of_a_process_that_ended_goes_back_at_once(
    start: Start, workers: set[int], liveness: Liveness, clock: StandingClock
) -> None:
    """With no lease run out, and before the next look is due."""
    alive, dying = start(), start()
    everyone_takes_turns()
    submit_jobs(make_owner("ada"), "a")
    register("c", alive.pid)
    take_turn(register("c", dying.pid).pk)
    liveness.look()
    assert pids() == {alive.pid, dying.pid}
    dying.kill()
    dying.wait()
    workers.discard(dying.pid)
    liveness.look()
    assert pids() == {alive.pid}
    assert Waiting.objects.get().attempt == 2


def test_a_process_that_nobody_has_reaped_counts_as_ended(
    start: Start, workers: set[int], liveness: Liveness, clock: StandingClock
) -> None:
    dying = start()
    register("c", dying.pid)
    dying.kill()
    os.waitid(os.P_PID, dying.pid, os.WEXITED | os.WNOWAIT)
    workers.clear()
    liveness.look()
    assert pids() == set()


def test_a_process_that_took_a_turn_before_it_was_told_of_keeps_it(
    start: Start, workers: set[int], liveness: Liveness, clock: StandingClock
) -> None:
    everyone_takes_turns()
    submit_jobs(make_owner("ada"), "a")
    new = start()
    workers.clear()
    processor = register("c", new.pid).pk
    take_turn(processor)
    liveness.look()
    assert Processor.objects.working().get().pk == processor


def test_a_process_without_a_processor_is_registered_once(
    start: Start, liveness: Liveness, clock: StandingClock
) -> None:
    process = start()
    liveness.look()
    register("c", process.pid)  # the worker, at the same moment
    clock.now += POLL_SECONDS
    liveness.look()
    assert Processor.objects.get().pid == process.pid


def test_of_two_processors_of_one_process_the_one_at_work_stays(
    start: Start, liveness: Liveness, clock: StandingClock
) -> None:
    """The idle one would look like a processor that is free, and makes no claim."""
    everyone_takes_turns()
    submit_jobs(make_owner("ada"), "a")
    process = start()
    working = register("c", process.pid).pk
    take_turn(working)
    register("c", process.pid)
    liveness.look()
    assert Processor.objects.get().pk == working


def test_a_process_takes_over_from_one_that_ended_between_turns(
    start: Start, workers: set[int], liveness: Liveness, clock: StandingClock
) -> None:
    """So the number of processors stays the same when idle workers are replaced."""
    idle, working = start(), start()
    everyone_takes_turns()
    submit_jobs(make_owner("ada"), "a")
    processor = register("c", idle.pid).pk
    take_turn(register("c", working.pid).pk)
    for process in (idle, working):
        process.kill()
        process.wait()
        workers.discard(process.pid)
    new = start()
    liveness.look()
    assert [(one.pk, one.pid) for one in Processor.objects.all()] == [(processor, new.pid)]
    assert Waiting.objects.get().attempt == 2, "a turn is not taken over"


def test_who_waits_for_work_keeps_its_lease_and_who_works_must_beat_itself(
    start: Start, liveness: Liveness, clock: StandingClock
) -> None:
    """A task that hangs in a live process is found by that."""
    everyone_takes_turns()
    submit_jobs(make_owner("ada"), "a")
    idle, working = register("c", start().pid).pk, register("c", start().pid).pk
    take_turn(working)
    liveness.look()
    run_out(idle, working)
    clock.now += max(queue_settings().LEASE_SECONDS / 5, POLL_SECONDS)
    liveness.look()
    assert lease(idle) > timezone.now()
    assert lease(working) < timezone.now()


def test_other_clusters_look_after_their_own_processes(start: Start, liveness: Liveness, clock: StandingClock) -> None:
    """They are of other hosts, where the same id is another process."""
    theirs, dead = register("theirs", start().pid).pk, start()
    register("theirs", dead.pid)
    dead.kill()
    dead.wait()
    run_out(theirs)
    liveness.look()
    assert Processor.objects.filter(cluster="theirs").count() == 2
    assert lease(theirs) < timezone.now()


def test_a_process_whose_row_was_swept_away_gets_another(
    start: Start, liveness: Liveness, clock: StandingClock
) -> None:
    """As after this host was cut off: otherwise the process would never work again."""
    process = start()
    register("c", process.pid)
    liveness.look()
    Processor.objects.all().delete()
    clock.now += POLL_SECONDS
    liveness.look()
    again = Processor.objects.get()
    assert (again.cluster, again.pid) == ("c", process.pid)
    assert again.lease_until > timezone.now()


def test_while_the_database_is_away_the_cluster_goes_on(
    start: Start, liveness: Liveness, clock: StandingClock, caplog: pytest.LogCaptureFixture
) -> None:
    process = register("c", start().pid).pk
    with connection.cursor() as cursor, second_connection() as other:
        cursor.execute("SELECT pg_backend_pid()")
        other.execute("SELECT pg_terminate_backend(%s, 5000)", cursor.fetchone())
    liveness.look()
    assert "could not be looked at" in caplog.text
    run_out(process)
    clock.now += POLL_SECONDS
    liveness.look()
    assert lease(process) > timezone.now(), "it looks again, by another connection"


def test_orphans_that_ended_are_reaped_and_the_sentinel_keeps_its_exit_code() -> None:
    def command() -> list[int]:
        orphans = [fork(lambda: None) for _ in range(3)]
        running = fork(wait_to_be_ended)
        for orphan in orphans:
            os.waitid(os.P_PID, orphan, os.WEXITED | os.WNOWAIT)
        reap_orphans(but=None)
        gone = [orphan for orphan in orphans if not _is_there(orphan)]
        still = os.waitpid(running, os.WNOHANG)[0]
        os.kill(running, signal.SIGKILL)
        os.waitid(os.P_PID, running, os.WEXITED | os.WNOWAIT)
        reap_orphans(but=running)
        return [len(gone), still, exit_code(running)]

    assert in_fork(command) == [3, 0, -signal.SIGKILL]


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_with_no_child_left_nothing_is_reaped() -> None:
    in_fork(lambda: reap_orphans(but=None))
