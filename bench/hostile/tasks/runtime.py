"""Tasks that change the interpreter, its libraries, Django, or what a process keeps of its surroundings."""

from __future__ import annotations

import asyncio
import builtins
import faulthandler
import gc
import json
import logging
import os
import random
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from bench.hostile.kinds import kind
from queueapp.registry import JobContext

_sleep = time.sleep
LEFT_FOR = 60.0
"""Seconds that a thread lives that is left behind."""


def _raise(*_: Any, **__: Any) -> Any:
    raise ValueError("replaced")


@kind("logging-disabled")
def logging_disabled(job: JobContext) -> None:
    """logging.disable()."""
    logging.disable(logging.CRITICAL)


@kind("logging-shut-down")
def logging_shut_down(job: JobContext) -> None:
    """logging.shutdown()."""
    logging.shutdown()


@kind("logging-handlers")
def logging_handlers(job: JobContext) -> None:
    """Remove all handlers, and add one that raises."""

    class Raises(logging.Handler):
        emit = _raise

    for logger in (logging.getLogger(), logging.getLogger("queueapp")):
        logger.handlers[:] = [Raises()]


@kind("logging-locked", patience=30)
def logging_locked(job: JobContext) -> None:
    """Leave the lock of every log handler locked, by a thread that never gives it back."""

    def hold() -> None:
        for logger in (logging.getLogger(), logging.getLogger("queueapp"), logging.getLogger("django")):
            for handler in logger.handlers:
                handler.acquire()
        _sleep(LEFT_FOR)

    threading.Thread(target=hold, daemon=True).start()
    _sleep(0.1)


@kind("thread-left")
def thread_left(job: JobContext) -> None:
    """Leave a thread running that is no daemon."""
    threading.Thread(target=_sleep, args=(LEFT_FOR,)).start()


@kind("threads-left")
def threads_left(job: JobContext) -> None:
    """Leave 200 threads running."""
    for _ in range(200):
        threading.Thread(target=_sleep, args=(LEFT_FOR,), daemon=True).start()


@kind("thread-busy")
def thread_busy(job: JobContext) -> None:
    """Leave a thread that computes for 5 s."""

    def busy() -> None:
        until = time.monotonic() + 5
        while time.monotonic() < until:
            pass

    threading.Thread(target=busy, daemon=True).start()


@kind("thread-raises")
def thread_raises(job: JobContext) -> None:
    """Leave a thread that raises SystemExit, and hooks that raise."""
    threading.excepthook = sys.excepthook = sys.unraisablehook = _raise
    threading.Thread(target=_raise, daemon=True).start()


@kind("interrupt-main")
def interrupt_main(job: JobContext) -> None:
    """Leave a thread that interrupts the main thread half a second later."""
    import _thread

    threading.Timer(0.5, _thread.interrupt_main).start()


@kind("event-loop")
def event_loop(job: JobContext) -> None:
    """Leave an event loop that says it is running."""
    asyncio.events._set_running_loop(asyncio.new_event_loop())


@kind("monotonic")
def monotonic(job: JobContext) -> None:
    """Replace time.monotonic, time.time and time.sleep."""
    time.monotonic = lambda: -1e9
    time.time = lambda: 0.0
    time.sleep = _raise


@kind("json-dumps")
def json_dumps(job: JobContext) -> None:
    """Replace json.dumps and json.loads."""
    json.dumps = json.loads = _raise


@kind("getpid")
def getpid(job: JobContext) -> None:
    """Replace os.getpid, os.kill and os.getppid."""
    os.getpid = os.getppid = lambda: 1
    os.kill = _raise


@kind("builtins-print")
def builtins_print(job: JobContext) -> None:
    """Replace print, open, len and isinstance."""
    builtins.print = builtins.open = builtins.len = builtins.isinstance = _raise


@kind("modules")
def modules(job: JobContext) -> None:
    """Empty sys.path, and forget the modules of the queue, of Django and of psycopg."""
    sys.path.clear()
    for name in list(sys.modules):
        if name.partition(".")[0] in {"queueapp", "django", "psycopg", "json", "logging"}:
            del sys.modules[name]


@kind("import-threads")
def import_threads(job: JobContext) -> None:
    """Import a module that starts threads and raises."""
    folder = tempfile.mkdtemp()
    text = "from threading import Timer\nfor _ in range(5): Timer(30, print).start()\nraise ImportError('half way')\n"
    Path(folder, "hostile_imported.py").write_text(text)
    sys.path.insert(0, folder)
    try:
        __import__("hostile_imported")
    finally:
        shutil.rmtree(folder)


@kind("folder")
def folder(job: JobContext) -> None:
    """Change to a folder and delete it."""
    path = tempfile.mkdtemp()
    os.chdir(path)
    os.rmdir(path)


@kind("folder-root")
def folder_root(job: JobContext) -> None:
    """Change to /."""
    os.chdir("/")


@kind("environment")
def environment(job: JobContext) -> None:
    """Empty the environment."""
    os.environ.clear()


@kind("environment-set")
def environment_set(job: JobContext) -> None:
    """Set variables of the database's client, of Python and of the queue."""
    os.environ |= {
        "PGHOST": "/nowhere",
        "PGOPTIONS": "-c statement_timeout=1",
        "TZ": "Asia/Tokyo",
        "QUEUEAPP_CLUSTER": "x",
    }
    time.tzset()


@kind("umask")
def umask(job: JobContext) -> None:
    """umask of 0."""
    os.umask(0)


@kind("signal-handlers")
def signal_handlers(job: JobContext) -> None:
    """Ignore every signal."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)


@kind("signal-mask")
def signal_mask(job: JobContext) -> None:
    """Block every signal."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


@kind("alarm")
def alarm(job: JobContext) -> None:
    """Leave SIGALRM armed, with a handler that raises."""
    signal.signal(signal.SIGALRM, _raise)
    signal.alarm(1)


@kind("timer")
def timer(job: JobContext) -> None:
    """Leave an interval timer that sends SIGALRM ten times a second, unhandled."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)


@kind("recursion-limit")
def recursion_limit(job: JobContext) -> None:
    """sys.setrecursionlimit() of just what is in use."""
    for least in range(10, 200):
        try:
            sys.setrecursionlimit(least)
        except RecursionError:
            continue
        return


@kind("switch-interval")
def switch_interval(job: JobContext) -> None:
    """sys.setswitchinterval(100)."""
    sys.setswitchinterval(100)


@kind("trace")
def trace(job: JobContext) -> None:
    """sys.settrace() and setprofile() of functions that raise."""
    threading.settrace(_raise)
    sys.setprofile(_raise)
    sys.settrace(_raise)


@kind("gc-disabled")
def gc_disabled(job: JobContext) -> None:
    """Switch garbage collection off."""
    gc.disable()
    gc.freeze()


@kind("faulthandler")
def fault_handler(job: JobContext) -> None:
    """Have faulthandler end the process a second later."""
    faulthandler.dump_traceback_later(1.0, exit=True)


@kind("at-exit")
def at_exit(job: JobContext) -> None:
    """Register functions for the exit and for forks that raise or sleep."""
    import atexit

    atexit.register(_sleep, LEFT_FOR)
    os.register_at_fork(before=_raise)


@kind("sockets")
def sockets(job: JobContext) -> None:
    """A default timeout of sockets of a microsecond, and a seeded random."""
    socket.setdefaulttimeout(1e-6)
    random.seed(0)


@kind("stdout-replaced")
def stdout_replaced(job: JobContext) -> None:
    """Replace sys.stdout and sys.stderr by objects whose methods raise."""

    class Raises:
        write = flush = fileno = _raise

    sys.stdout = sys.stderr = Raises()


@kind("settings-changed")
def settings_changed(job: JobContext) -> None:
    """Change settings: QUEUEAPP, DEBUG, TIME_ZONE, INSTALLED_APPS."""
    from django.conf import settings

    from queueapp.conf import queue_settings

    settings.QUEUEAPP["LEASE_SECONDS"] = settings.QUEUEAPP["HEARTBEAT_SECONDS"] = 0.001
    settings.DEBUG, settings.USE_TZ, settings.TIME_ZONE = True, False, "Asia/Tokyo"
    settings.INSTALLED_APPS = []
    queue_settings.cache_clear()


@kind("django-threads")
def django_threads(job: JobContext) -> None:
    """Leave another time zone and language active in Django."""
    from django.utils import timezone, translation

    timezone.activate("Asia/Tokyo")
    translation.activate("de")


@kind("registry")
def registry(job: JobContext) -> None:
    """Forget all registered tasks."""
    from queueapp import registry as known

    for value in vars(known).values():
        if isinstance(value, dict) and "hostile.registry" in value:
            value.clear()


@kind("queue-functions")
def queue_functions(job: JobContext) -> None:
    """Replace functions of the queue itself by ones that raise."""
    for name, module in list(sys.modules.items()):
        if name.startswith(("queueapp.workers", "queueapp.lifecycle")):
            for attribute in ("take_turn", "heartbeat", "result_json", "message", "announce", "succeeded_outcome"):
                if hasattr(module, attribute):
                    setattr(module, attribute, _raise)


@kind("frames")
def frames(job: JobContext) -> None:
    """Clear the variables of its callers' frames that are mutable."""
    frame = sys._getframe(1)
    while frame is not None:
        for value in list(frame.f_locals.values()):
            if isinstance(value, list | dict | set) and "__name__" not in value:
                value.clear()
        frame = frame.f_back  # type: ignore[assignment]
