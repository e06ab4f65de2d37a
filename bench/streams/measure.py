"""What is measured of a server: connecting, a window of events, a storm, and what a bystander waits."""

from __future__ import annotations

import math
import time
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any

from bench.streams.client import Opening
from bench.streams.events import COMPLETED, QUEUE, Recording
from bench.streams.remote import Remote

AT_ONCE = 500
"""Connections that are opened at the same time, at most, where there is no storm."""
SETTLE = 1.0
"""Seconds between the last connection and the look at memory."""
RECEIVED = "KB/s received", "KB/s decompressed"
Figures = dict[str, Any]


def percentile(values: Sequence[float], part: float) -> float:
    """Return the value below which this part of the values lies; NaN without any."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * part), len(ordered) - 1)] if ordered else math.nan


def spread(seconds: Sequence[float], *parts: float) -> Figures:
    """Return percentiles of times, in ms."""
    return {f"p{part * 100:g} ms": percentile(seconds, part) * 1000 for part in parts or (0.5, 0.95, 0.99)}


def connect(clients: Remote, streams: int, memory: Callable[[], float], limit: float) -> Figures:
    """Open all streams within `limit` seconds, and return connections a second and KB a stream.

    `memory`: of the server, in KB.
    """
    before = memory()
    figures = opening(clients.call("connect", AT_ONCE, limit), streams)
    time.sleep(SETTLE)
    return figures | {"KB a stream": (memory() - before) / max(figures["opened"], 1)}


def opening(opened: Opening, streams: int) -> Figures:
    """Return the figures of an opening, with connections a second; 0 if not all were opened in time."""
    rates = {"accepted/s": streams / opened.heads, "first events/s": streams / opened.firsts}
    return asdict(opened) | {"streams": streams} | rates


def beside(taken: tuple[Mapping[str, Sequence[float]], list[str]]) -> Figures:
    """Return the percentiles of what a bystander waited, and how many requests failed, by why."""
    times, failed = taken
    return {what: spread(its) | {"requests": len(its)} for what, its in times.items()} | {
        "failed": dict(Counter(failed))
    }


def latencies(recording: Recording, due: Mapping[int, float]) -> list[float]:
    """Return the seconds from each moment in `due`, by number, to the arrival of that completion; inf: not arrived."""
    arrived = {number: at for at, number in zip(recording.at, recording.number, strict=True) if number}
    return [arrived.get(number, math.inf) - moment for number, moment in due.items()]


def traffic(recording: Recording, seconds: float) -> Figures:
    """Return events and KB a second."""
    completed = recording.kind.count(COMPLETED)
    return {
        "completions/s": completed / seconds,
        "other events/s": (len(recording.kind) - completed) / seconds,
        "KB/s": sum(recording.size) / 1024 / seconds,
    }


def queues(recording: Recording, users: range, seconds: float) -> Figures:
    """Return what the pages of these users got: seconds between two queues of a page, their age, and KB/s a page."""
    times, ages, size = defaultdict[int, list[float]](list), list[float](), 0
    for at, user, kind, many, _, age in zip(*vars(recording).values(), strict=True):
        if kind == QUEUE and user in users:
            times[user].append(at)
            ages.append(age)
            size += many
    gaps = [later - earlier for its in times.values() for earlier, later in pairwise(its)]
    return {
        "pages": len(users),
        "pages with a queue": len(times),
        "between": spread(gaps, 0.5, 0.95),
        "age": spread(ages, 0.5, 0.95),
        "KB/s a page": size / 1024 / seconds / len(users),
    }


def compare(heard: tuple[array[int], array[int], dict[str, int]], truth: Mapping[int, tuple[int, float]]) -> Figures:
    """Return what was wrong with the completions heard. `truth`: the user of each completion, by its number."""
    users, numbers, wrong = heard
    told = set(zip(numbers, users, strict=True))
    real = {(number, user) for number, (user, _) in truth.items()}
    return wrong | {
        "completions": len(real),
        "missed": len(real - told),
        "told twice": len(numbers) - len(told),
        "told to others": len(told - real),
    }
