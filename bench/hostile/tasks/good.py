"""The good job: it works for a moment, and returns what it finds of the state of its process and its connection."""

from __future__ import annotations

import gc
import hashlib
import json
import logging
import os
import resource
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from django.db import connection

from bench.histories.record import running, write
from queueapp.registry import JobContext, task

PROBE = "good.probe"

SESSION = """
    SELECT current_setting('TimeZone'), current_setting('statement_timeout'), current_setting('search_path'),
           coalesce(current_setting('app.user', true), ''), current_user, current_setting('transaction_isolation'),
           current_setting('transaction_read_only'), current_setting('lock_timeout'),
           (SELECT count(*) FROM pg_class WHERE pg_my_temp_schema() <> 0 AND relnamespace = pg_my_temp_schema()),
           (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory'),
           (SELECT count(*) FROM pg_listening_channels()), (SELECT count(*) FROM pg_cursors WHERE is_holdable)
"""
SESSION_NAMES = (
    *("time zone", "statement_timeout", "search_path", "app.user", "role", "isolation", "read only", "lock_timeout"),
    *("temporary tables", "advisory locks", "LISTEN", "held cursors"),
)

_originals = {"time.monotonic": time.monotonic, "json.dumps": json.dumps, "os.getpid": os.getpid, "print": print}


@task(PROBE)
def probe(job: JobContext) -> dict[str, Any]:
    """Record what the job finds: `must`, which has to be alike in every job; `also`, which is shown."""
    with running(job.job_id, job.attempt):
        found = {"job": job.job_id, "must": _must(), "also": _also()}
        write(f"task {os.getpid()}", "info", "state", found)
        return {"looked": True}


def _must() -> dict[str, str]:
    in_block, autocommit = connection.in_atomic_block, connection.get_autocommit()
    status = "none" if connection.connection is None else connection.connection.info.transaction_status.name
    with connection.cursor() as cursor:
        cursor.execute(SESSION)
        session = cursor.fetchone()
    kernel = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    return dict(zip(SESSION_NAMES, map(str, session), strict=True)) | {
        "transaction": f"{in_block} {autocommit} {status}".replace("none", "IDLE"),
        "folder": os.getcwd(),
        "environment": _digest(sorted(_environment())),
        "signal handlers": _digest([(int(n), _name(signal.getsignal(n))) for n in sorted(signal.valid_signals())]),
        "signal mask": kernel["SigBlk"],
        "umask": kernel["Umask"],
    }


def _also() -> dict[str, str]:
    limits = (resource.RLIMIT_NOFILE, resource.RLIMIT_AS, resource.RLIMIT_FSIZE, resource.RLIMIT_CPU)
    present = {"time.monotonic": time.monotonic, "json.dumps": json.dumps, "os.getpid": os.getpid, "print": print}
    return {
        "replaced": ", ".join(name for name, function in _originals.items() if present[name] is not function),
        "limits": str([resource.getrlimit(limit) for limit in limits]),
        "nice": str(os.nice(0)),
        "interpreter": f"{sys.getrecursionlimit()} {sys.getswitchinterval()} {sys.gettrace()} {gc.isenabled()}",
        "timer": str(signal.getitimer(signal.ITIMER_REAL) != (0.0, 0.0)),
        "logging": f"{logging.root.manager.disable} {len(logging.root.handlers)}",
        "threads": str(threading.active_count() // 10 * 10),
        "descriptors": str(len(os.listdir("/proc/self/fd")) // 100 * 100),
        "memory, 100 MB": str(int(Path("/proc/self/statm").read_text().split()[1]) * 4096 // 100_000_000),
    }


def _environment() -> list[tuple[str, str]]:
    """All variables; of those of the cluster itself, which has an id of its own, the name."""
    return [(name, "" if name.startswith("QUEUEAPP_") else value) for name, value in os.environ.items()]


def _name(handler: Any) -> str:
    return str(getattr(handler, "__qualname__", handler))


def _digest(value: object) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:12]
