"""Tasks that end, stop or starve their process, and those that leave other processes behind."""

from __future__ import annotations

import concurrent.futures
import contextlib
import ctypes
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bench.histories.record import PATH
from bench.hostile.kinds import kind
from queueapp.registry import JobContext

LEFT_FOR = "90"
"""Seconds that a process lives that is left behind: longer than a run of its kind, and not for ever."""
MB = 1 << 20


@kind("exit-0", ends="failed", says=r"\b0\b|exit|died|ended")
def exit_0(job: JobContext) -> None:
    """os._exit(0)."""
    os._exit(0)


@kind("exit-1", ends="failed", says=r"\b1\b")
def exit_1(job: JobContext) -> None:
    """os._exit(1)."""
    os._exit(1)


@kind("segfault", ends="failed", says=r"SIGSEGV|signal 11|segmentation")
def segfault(job: JobContext) -> None:
    """Read address 0."""
    ctypes.string_at(0)


@kind("sigkill", ends="failed", says=r"SIGKILL|signal 9")
def sigkill(job: JobContext) -> None:
    """SIGKILL to itself."""
    os.kill(os.getpid(), signal.SIGKILL)


@kind("sigkill-later", ends="failed", says=r"SIGKILL|signal 9")
def sigkill_later(job: JobContext) -> None:
    """SIGKILL to itself, after a second of work."""
    time.sleep(1)
    os.kill(os.getpid(), signal.SIGKILL)


@kind("sigterm")
def sigterm(job: JobContext) -> None:
    """SIGTERM to itself."""
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.5)


@kind("sigint")
def sigint(job: JobContext) -> None:
    """SIGINT to itself."""
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.5)


@kind("sigstop", limit=2.0, ends="failed")
def sigstop(job: JobContext) -> None:
    """SIGSTOP to itself, with a time limit of 2 s."""
    os.kill(os.getpid(), signal.SIGSTOP)
    time.sleep(0.1)


@kind("abort", ends="failed", says=r"SIGABRT|signal 6|abort")
def abort(job: JobContext) -> None:
    """abort()."""
    os.abort()


@kind("kill-parent", harmless=False, patience=30)
def kill_parent(job: JobContext) -> None:
    """SIGKILL to the process that started its own."""
    _of_this_run(os.getppid())
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(1)


@kind("stop-parent", harmless=False, patience=40)
def stop_parent(job: JobContext) -> None:
    """SIGSTOP to the process that started its own, for 2 s."""
    parent = os.getppid()
    _of_this_run(parent)
    subprocess.Popen(["sh", "-c", f"kill -STOP {parent}; sleep 2; kill -CONT {parent}"])
    time.sleep(0.5)


@kind("close-files")
def close_files(job: JobContext) -> None:
    """Close all file descriptors from 3 up."""
    os.closerange(3, 65_536)


@kind("close-all-files")
def close_all_files(job: JobContext) -> None:
    """Close all file descriptors, the first three too."""
    os.closerange(0, 65_536)


@kind("close-stdout")
def close_stdout(job: JobContext) -> None:
    """Close sys.stdout and sys.stderr."""
    sys.stdout.close()
    sys.stderr.close()


@kind("garbage-to-files")
def garbage_to_files(job: JobContext) -> None:
    """Write garbage to every open file descriptor from 3 up."""
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError, ValueError):
            number = int(name)
            if number >= 3:
                os.set_blocking(number, False)
                os.write(number, b"\xff\x00garbage\x80" * 50)


@kind("read-files")
def read_files(job: JobContext) -> None:
    """Read from every open file descriptor from 3 up, without waiting."""
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError, ValueError):
            if int(name) >= 3:
                os.set_blocking(int(name), False)
                os.read(int(name), MB)


@kind("open-files")
def open_files(job: JobContext) -> None:
    """Open 20,000 files, and leave as many open as it could."""
    with contextlib.suppress(OSError):
        for _ in range(20_000):
            os.open("/dev/null", os.O_RDONLY)


@kind("no-files")
def no_files(job: JobContext) -> None:
    """RLIMIT_NOFILE of 3."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))


@kind("no-memory")
def no_memory(job: JobContext) -> None:
    """RLIMIT_AS just above what is in use, left so."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    least = pages * resource.getpagesize() + 4 * MB
    resource.setrlimit(resource.RLIMIT_AS, (least, resource.getrlimit(resource.RLIMIT_AS)[1]))


@kind("no-file-size")
def no_file_size(job: JobContext) -> None:
    """RLIMIT_FSIZE of 0."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


@kind("no-time")
def no_time(job: JobContext) -> None:
    """RLIMIT_CPU of one second more than used: SIGXCPU later."""
    used = int(time.process_time()) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (used, resource.getrlimit(resource.RLIMIT_CPU)[1]))


@kind("nice")
def nice(job: JobContext) -> None:
    """nice(19)."""
    os.nice(19)


@kind("memory", patience=30)
def memory(job: JobContext) -> int:
    """Use 1.5 GB for a moment."""
    return len(b"x" * (1_500 * MB))


@kind("memory-leak", times=6)
def memory_leak(job: JobContext) -> None:
    """Keep 20 MB, six times."""
    _kept.append(b"x" * (20 * MB))


@kind("print", patience=30)
def print_much(job: JobContext) -> None:
    """Print 50 MB."""
    for _ in range(50):
        print("x" * MB)


@kind("print-to-1", patience=30)
def print_to_1(job: JobContext) -> None:
    """Write 50 MB to file descriptor 1."""
    for _ in range(50):
        os.write(1, b"y" * MB)


@kind("print-by-child", patience=30)
def print_by_child(job: JobContext) -> None:
    """Have a child write 50 MB to its standard output and error."""
    subprocess.run(["sh", "-c", "head -c 25000000 /dev/zero; head -c 25000000 /dev/zero >&2"], check=True)


@kind("fork-returns")
def fork_returns(job: JobContext) -> str:
    """fork(), and return from the task in both processes."""
    return "child" if os.fork() == 0 else "parent"


@kind("fork-works-on", limit=3.0)
def fork_works_on(job: JobContext) -> None:
    """fork(), and exit the parent at once while the child sleeps on."""
    if os.fork() == 0:
        time.sleep(float(LEFT_FOR))
    os._exit(0)


@kind("fork-exits")
def fork_exits(job: JobContext) -> None:
    """fork(), and leave the child by SystemExit."""
    if os.fork() == 0:
        sys.exit(5)
    os.wait()


@kind("child-outlives")
def child_outlives(job: JobContext) -> None:
    """Leave a child process running."""
    subprocess.Popen(["sleep", LEFT_FOR])


@kind("child-in-session")
def child_in_session(job: JobContext) -> None:
    """Leave a grandchild running in a session of its own, deaf to SIGTERM and SIGHUP."""
    script = f"trap '' TERM HUP INT; (sleep {LEFT_FOR}; true) & exit 0"
    subprocess.run(["sh", "-c", script], start_new_session=True, check=True)


@kind("child-with-output")
def child_with_output(job: JobContext) -> None:
    """Leave a child that prints every tenth of a second."""
    script = "n=0; while [ $n -lt 200 ]; do echo noise; sleep 0.1; n=$((n+1)); done"
    subprocess.Popen(["sh", "-c", script])


@kind("zombies")
def zombies(job: JobContext) -> None:
    """Leave fifty zombies."""
    for _ in range(50):
        if os.fork() == 0:
            os._exit(0)


@kind("wait-for-any")
def wait_for_any(job: JobContext) -> None:
    """Reap every child of the process, whoever started it."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


@kind("stopped-child", limit=1.0, ends="failed")
def stopped_child(job: JobContext) -> None:
    """Wait for a child that is stopped and deaf to SIGTERM, beyond the time limit of 1 s."""
    subprocess.run(["sh", "-c", f"trap '' TERM; kill -STOP $$; sleep {LEFT_FOR}"], check=False)


@kind("pool")
def pool(job: JobContext) -> int:
    """multiprocessing.Pool."""
    with multiprocessing.get_context("fork").Pool(2) as workers:
        return sum(workers.map(abs, range(-5, 5)))


@kind("pool-left")
def pool_left(job: JobContext) -> None:
    """multiprocessing.Pool, never closed."""
    workers = multiprocessing.get_context("fork").Pool(2)
    _kept.append(workers)


@kind("executor")
def executor(job: JobContext) -> int:
    """ProcessPoolExecutor."""
    with concurrent.futures.ProcessPoolExecutor(2) as workers:
        return sum(workers.map(abs, range(-5, 5)))


@kind("process-group")
def process_group(job: JobContext) -> None:
    """setsid() and a process group of its own."""
    with contextlib.suppress(OSError):
        os.setsid()
    with contextlib.suppress(OSError):
        os.setpgid(0, 0)


@kind("read-stdin", limit=2.0)
def read_stdin(job: JobContext) -> str:
    """Read from standard input."""
    return sys.stdin.read()[:100]


_kept: list[Any] = []


def _of_this_run(pid: int) -> None:
    """Raises where the process is not one of this run: it would be the wrong one to hit."""
    if PATH.encode() not in Path(f"/proc/{pid}/environ").read_bytes():
        raise RuntimeError("The parent is no process of this run.")
