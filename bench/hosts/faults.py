"""The faults of a run. Each begins, lasts, and is mended; returns the moment of the mending by time.monotonic."""

from __future__ import annotations

import time
from collections.abc import Callable

from bench.hosts.fleet import DATABASE, PORTS, WEB, WORKERS, Fleet

Fault = Callable[[Fleet], float]


def worker_cut(fleet: Fleet) -> float:
    """A worker host is cut off in silence for 30 s, with jobs under way: longer than a lease."""
    fleet.network.cut(WORKERS[0])
    time.sleep(30)
    fleet.network.mend(WORKERS[0])
    return time.monotonic()


def database_unplugged(fleet: Fleet) -> float:
    """The database's host has no network for 30 s."""
    fleet.network.unplug(DATABASE)
    time.sleep(30)
    fleet.network.plug(DATABASE)
    return time.monotonic()


def database_silent(fleet: Fleet) -> float:
    """All packets to and from the database are dropped for 60 s, without a reset."""
    fleet.network.cut(DATABASE)
    time.sleep(60)
    fleet.network.mend(DATABASE)
    return time.monotonic()


def clock_ahead(fleet: Fleet) -> float:
    """The clock of a worker host is 90 s ahead for 30 s."""
    return _skewed(fleet, 90)


def clock_behind(fleet: Fleet) -> float:
    """The clock of a worker host is 90 s behind for 30 s."""
    return _skewed(fleet, -90)


def web_killed(fleet: Fleet) -> float:
    """A web server is killed, with streams open, and started again after 10 s."""
    fleet.kill(f"{WEB[0]}:{PORTS[0]}")
    time.sleep(10)
    fleet.start_web(WEB[0])
    return time.monotonic()


def second_web(fleet: Fleet) -> float:
    """A second web server starts beside the first on one host, takes requests for 20 s, and stops."""
    fleet.start_web(WEB[1], PORTS[1])
    time.sleep(20)
    fleet.stop(f"{WEB[1]}:{PORTS[1]}")
    return time.monotonic()


def _skewed(fleet: Fleet, seconds: int) -> float:
    fleet.stop(WORKERS[2])
    fleet.start_workers(WORKERS[2], skew=seconds)
    time.sleep(30)
    fleet.stop(WORKERS[2])
    fleet.start_workers(WORKERS[2])
    return time.monotonic()


FAULTS: dict[str, Fault] = {
    "worker host cut off, 30 s": worker_cut,
    "database unplugged, 30 s": database_unplugged,
    "database silent, 60 s": database_silent,
    "worker's clock 90 s ahead": clock_ahead,
    "worker's clock 90 s behind": clock_behind,
    "web server killed": web_killed,
    "second web server": second_web,
}
