"""Forks of a cluster: the state that they inherit, and their end with their parent. Each test forks."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable

import pytest

from queueapp.workers import forked
from tests.kit.forks import Lifeline, exit_code, fork, in_fork, wait_to_be_ended

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux can do this")


def send_to_itself(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_that_stops_the_command_ends_no_process_of_its_cluster(number: signal.Signals) -> None:
    """Neither its children nor theirs. Systemd and the terminal send such a signal to all of them."""

    def command() -> list[int]:
        signal.signal(number, signal.SIG_DFL)
        before = exit_code(fork(lambda: send_to_itself(number)))
        forked.keep_family_together()

        def child() -> None:
            send_to_itself(number)
            assert exit_code(fork(lambda: send_to_itself(number))) == 0

        return [before, exit_code(fork(child))]

    assert in_fork(command) == [-number, 0]


@on_linux
def test_nothing_of_a_cluster_outlives_a_command_that_is_killed() -> None:
    def starter() -> bool:
        lifeline = Lifeline()

        def command() -> None:
            forked.keep_family_together()

            def child() -> None:
                fork(wait_to_be_ended)
                os.kill(os.getppid(), signal.SIGKILL)
                wait_to_be_ended()

            fork(child)
            wait_to_be_ended()

        killed = fork(command)
        lifeline.let_go()
        assert exit_code(killed) == -signal.SIGKILL
        return lifeline.all_ended()

    assert in_fork(starter)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_what_a_task_starts_can_be_ended_by_signals(number: signal.Signals) -> None:
    """Whatever the task process itself does on this signal."""

    def task_process() -> int:
        forked.keep_family_together()
        signal.signal(number, lambda *_: None)
        forked.detach_children()
        return exit_code(fork(lambda: send_to_itself(number)))

    assert in_fork(task_process) == -number


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_process_that_a_task_ends_while_it_begins_has_got_the_signal(number: signal.Signals) -> None:
    """As a pool of multiprocessing does that has nothing more to do: it then waits for its processes."""

    def task_process() -> list[int]:
        os.register_at_fork(after_in_child=lambda: time.sleep(0.3))  # the child of a busy machine
        forked.keep_family_together()
        signal.signal(number, lambda *_: None)
        forked.detach_children()
        child = fork(lambda: None)
        os.kill(child, number)
        return [exit_code(child), *signal.pthread_sigmask(signal.SIG_BLOCK, ())]

    assert in_fork(task_process) == [-number]


def leave_orphans() -> None:
    """Fork a daemon that has a child and ignores SIGTERM, and end."""

    def daemon() -> None:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        fork(wait_to_be_ended)
        wait_to_be_ended()

    fork(daemon)


@on_linux
def test_daemons_that_a_task_left_are_ended_with_their_children() -> None:
    def worker() -> list[bool]:
        forked.adopt_orphans()
        lifeline = Lifeline()
        assert exit_code(fork(leave_orphans)) == 0
        lifeline.let_go()
        there = forked.has_children()
        forked.end_orphans()
        return [there, lifeline.all_ended(), forked.has_children()]

    assert in_fork(worker) == [True, True, False]


def test_who_adopts_nobody_ends_nobody() -> None:
    """As on systems without subreapers: the children are not orphans there."""

    def process() -> bool:
        child = fork(wait_to_be_ended)
        forked.end_orphans()
        lives = os.waitpid(child, os.WNOHANG) == (0, 0)
        os.kill(child, signal.SIGKILL)
        return lives

    assert in_fork(process)


@on_linux
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can fork a process that it may not end afterwards")
def test_an_orphan_that_cannot_be_ended_does_not_hold_up_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forked, "ORPHANS_SECONDS", 0.05)

    def worker() -> bool:
        forked.adopt_orphans()
        child = fork(wait_to_be_ended)
        os.setresuid(65_534, 65_534, 0)
        forked.end_orphans()
        left = forked.has_children()
        os.setresuid(0, 0, 0)
        os.kill(child, signal.SIGKILL)
        return left

    assert in_fork(worker)


@pytest.mark.parametrize(
    ("does", "runs"), [(wait_to_be_ended, True), (lambda: None, False)], ids=["that runs", "that has ended"]
)
def test_only_a_child_that_runs_counts(does: Callable[[], None], runs: bool) -> None:
    def process() -> bool:
        child = fork(does)
        if not runs:
            os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        found = forked.has_children()
        if runs:
            os.kill(child, signal.SIGKILL)
        return found

    assert in_fork(process) is runs
