"""What of a process must not reach the next job. Each change is made in a fork."""

from __future__ import annotations

import asyncio
import builtins
import decimal
import gc
import json
import locale
import logging
import os
import random
import resource
import signal
import socket
import sys
import threading
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connections

from queueapp.workers.process_state import DESCRIPTORS_MOST, THREADS_MOST, ProcessState
from tests.kit.forks import exit_code, fork, in_fork, wait_to_be_ended


def has_changed(change: Callable[[], Any], *, thoroughly: bool = False) -> bool:
    """Whether a process counts as changed after `change`, and did not before."""

    def process() -> bool:
        state = ProcessState()
        assert not state.has_changed(thoroughly=thoroughly)
        kept = change()  # a file is closed once nobody refers to it
        found = state.has_changed(thoroughly=thoroughly)
        del kept
        return found

    return in_fork(process)


def do_nothing(*_: Any) -> None:
    pass


def delete_working_directory() -> None:
    folder = Path(f"/tmp/turnabout-{os.getpid()}")
    folder.mkdir()
    os.chdir(folder)
    folder.rmdir()


def lower_limit(which: int) -> None:
    hard = resource.getrlimit(which)[1]
    resource.setrlimit(which, ((1 << 40) if hard == resource.RLIM_INFINITY else hard - 1, hard))


def wait_in_threads(count: int) -> None:
    for _ in range(count):
        threading.Thread(target=threading.Event().wait, daemon=True).start()


def open_files(count: int) -> list[int]:
    return [os.dup(0) for _ in range(count)]


CHANGES: dict[str, Callable[[], Any]] = {
    "working directory": lambda: os.chdir("/"),
    "deleted working directory": delete_working_directory,
    "variable set": lambda: os.environ.update(LEFT_BEHIND="a mark"),
    "variable deleted": lambda: os.environ.pop("PATH"),
    "umask": lambda: os.umask(0o027),
    "signal handler": lambda: signal.signal(signal.SIGTERM, do_nothing),
    "alarm handler": lambda: signal.signal(signal.SIGALRM, do_nothing),
    "blocked signal": lambda: signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGWINCH}),
    "alarm": lambda: signal.alarm(100),
    "timer of own time": lambda: signal.setitimer(signal.ITIMER_VIRTUAL, 100),
    "timer of a profiler": lambda: signal.setitimer(signal.ITIMER_PROF, 100),
    "processor time limit": lambda: lower_limit(resource.RLIMIT_CPU),
    "files limit": lambda: lower_limit(resource.RLIMIT_NOFILE),
    "memory limit": lambda: lower_limit(resource.RLIMIT_AS),
    "file size limit": lambda: lower_limit(resource.RLIMIT_FSIZE),
    "priority": lambda: os.nice(1),
    "event loop": lambda: asyncio._set_running_loop(asyncio.new_event_loop()),
    "output replaced": lambda: setattr(sys, "stdout", open(os.devnull, "w")),  # noqa: SIM115
    "no output": lambda: setattr(sys, "stdout", None),
    "recursion limit": lambda: sys.setrecursionlimit(5_000),
    "profiler": lambda: sys.setprofile(do_nothing),
    "no garbage collection": gc.disable,
    "exception hook": lambda: setattr(sys, "excepthook", do_nothing),
    "import path": lambda: sys.path.insert(0, "/tmp"),
    "logging off": lambda: logging.disable(logging.ERROR),
    "log level": lambda: logging.root.setLevel(logging.CRITICAL),
    "log handler": lambda: logging.root.addHandler(logging.NullHandler()),
    "locale": lambda: locale.setlocale(locale.LC_NUMERIC, "C.UTF-8"),
    "socket timeout": lambda: socket.setdefaulttimeout(0.001),
    "warnings": lambda: warnings.simplefilter("error"),
    "child that runs": lambda: fork(wait_to_be_ended),
    "many threads": lambda: wait_in_threads(THREADS_MOST),
    "many open files": lambda: open_files(DESCRIPTORS_MOST + 1),
    "input closed": lambda: os.close(0),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_process_in_which_a_job_left_this_runs_no_other(what: str) -> None:
    assert has_changed(CHANGES[what])


def close_output() -> bool:
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115  # as in a task process
    state = ProcessState()
    assert not state.has_changed(thoroughly=False)
    sys.stdout.close()
    return state.has_changed(thoroughly=False)


def test_output_that_a_job_has_closed_counts() -> None:
    """Each print of the next job would fail."""
    assert in_fork(close_output)


def close_a_file_of_the_worker() -> bool:
    inherited = os.dup(0)
    state = ProcessState()
    assert not state.has_changed(thoroughly=False)
    os.close(inherited)
    return state.has_changed(thoroughly=False)


def test_a_file_that_was_open_before_the_job_and_is_closed_counts() -> None:
    """Its number would go to another file, into which its owner then writes."""
    assert in_fork(close_a_file_of_the_worker)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("become", [os.seteuid, os.setegid], ids=["user", "group"])
def test_a_process_that_has_become_somebody_else_runs_no_other_job(become: Callable[[int], None]) -> None:
    assert has_changed(lambda: become(65_534))


def change_database() -> None:
    connections.settings["default"]["HOST"] = "elsewhere"


SHARED_CHANGES: dict[str, Callable[[], Any]] = {
    "builtin": lambda: setattr(builtins, "left_behind", "a mark"),
    "function of a module": lambda: setattr(json, "loads", do_nothing),
    "clock": lambda: setattr(time, "time", lambda: 0.0),
    "setting": lambda: setattr(settings, "LEFT_BEHIND", "a mark"),
    "setting of the queue": lambda: settings.QUEUEAPP.update(MAX_ATTEMPTS=99),
    "database": change_database,
    "default of decimals": lambda: setattr(decimal.DefaultContext, "prec", 3),
}


@pytest.mark.parametrize("what", SHARED_CHANGES)
def test_where_another_owner_may_be_next_what_all_tasks_share_counts_too(what: str) -> None:
    assert has_changed(SHARED_CHANGES[what], thoroughly=True)


def print_and_tidy_up() -> None:
    """Effects that most jobs have: the next job needs no new process."""
    print("something")  # noqa: T201
    os.environ["LEFT_BEHIND"] = "a mark"
    del os.environ["LEFT_BEHIND"]
    with suppress(ValueError), decimal.localcontext() as context, open(os.devnull) as file:
        context.prec = 3
        json.loads(file.read())
    logging.getLogger("a task").warning("something")


@pytest.mark.parametrize(
    "harmless",
    [
        print_and_tidy_up,
        lambda: open_files(5),
        lambda: wait_in_threads(5),
        lambda: os.waitid(os.P_PID, fork(do_nothing), os.WEXITED | os.WNOWAIT),
    ],
    ids=["tidy", "some files", "some threads", "child that has ended"],
)
def test_a_new_process_is_not_made_for_nothing(harmless: Callable[[], Any]) -> None:
    assert not has_changed(harmless, thoroughly=True)


def test_children_of_a_job_that_have_ended_are_reaped() -> None:
    def process() -> bool:
        state = ProcessState()
        child = fork(do_nothing)
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        state.has_changed(thoroughly=False)
        with suppress(ChildProcessError):
            exit_code(child)
            return False
        return True

    assert in_fork(process)


def test_no_owner_can_foretell_the_random_numbers_of_another() -> None:
    def process() -> list[float]:
        state = ProcessState()
        random.seed(5)
        foretold = random.random()
        random.seed(5)
        state.has_changed(thoroughly=True)
        return [foretold, random.random()]

    foretold, found = in_fork(process)
    assert found != foretold
