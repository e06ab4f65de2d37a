"""Rate limits: so many requests a minute, at once or spread, shared by all web processes (GCRA).

Each request costs one statement. Of a large allowance, one statement takes several. Several people's requests that come
together cost one statement, too.
"""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Iterable
from typing import NamedTuple

from django.apps import apps
from django.db import connection

from ..db.statements import prepared_row

# We store one timestamp per allowance: when it will be full again. Each request moves it 60 s / limit forward, at most
# a minute ahead (GCRA, the generic cell rate algorithm). A timestamp further ahead is from before the clock was set
# back, and counts as full. The commit is asynchronous, unless it is that of a larger transaction. Keys come in order:
# two processes that take several at once cannot deadlock.
_TAKE = """
WITH given AS (
    SELECT clock_timestamp() AS now, make_interval(secs => %(share)s) AS share,
           CASE WHEN %(alone)s THEN set_config('synchronous_commit', 'off', true) END AS asynchronous
), taken AS (
    INSERT INTO limits_allowance AS a (key, whole_at)
    SELECT k.key, now + share FROM given, unnest(%(keys)s::text[]) AS k(key)
    ON CONFLICT (key) DO UPDATE
        SET whole_at = CASE WHEN a.whole_at > clock_timestamp() + interval '61 seconds' THEN clock_timestamp()
                ELSE greatest(a.whole_at, clock_timestamp()) END + make_interval(secs => %(share)s)
        WHERE a.whole_at + make_interval(secs => %(share)s) <= clock_timestamp() + interval '1 minute'
            OR a.whole_at > clock_timestamp() + interval '61 seconds'
    RETURNING key, whole_at
)
SELECT array(SELECT EXISTS (SELECT 1 FROM taken t WHERE t.key = k.key)
               FROM unnest(%(keys)s::text[]) WITH ORDINALITY AS k(key, place) ORDER BY place),
       array(SELECT extract(epoch FROM coalesce(
                        (SELECT t.whole_at FROM taken t WHERE t.key = k.key),
                        (SELECT a.whole_at FROM limits_allowance a WHERE a.key = k.key), now) - now)::float8
               FROM given, unnest(%(keys)s::text[]) WITH ORDINALITY AS k(key, place) ORDER BY place)
"""
# Locked rows are in use. They are skipped, so that two clean-ups never wait for each other.
_FORGET = """
DELETE FROM limits_allowance WHERE key IN
    (SELECT key FROM limits_allowance WHERE whole_at < clock_timestamp() FOR UPDATE SKIP LOCKED LIMIT 10000)
"""
CLEAN_ONE_IN = 1000
"""One statement in so many also deletes full allowances: they are as good as none."""


BATCHED_FROM = 1000
"""Requests a minute. Of an allowance this large a process takes BATCH, and no more until they are used up."""
BATCH = 10
MAX_CACHED = 10_000
"""Allowances of which a process holds some, at most. At the limit it drops them all."""


class Taken(NamedTuple):
    """What came of taking one. `wait`: 0, or the seconds until there is one. `left`: how many there still are, as far
    as this process knows; None: there is no limit. `full_in`: the seconds until the allowance is full again."""

    wait: float
    left: int | None
    full_in: float


class _Batch(NamedTuple):
    """The part of an allowance that a process holds, and the moment, by its monotonic clock, at which it is full."""

    left: int
    full_at: float


_in_hand: dict[str, _Batch] = {}
_lock = threading.Lock()


def take(kind: str, whose: str, per_minute: int) -> float:
    """Take one of somebody's `per_minute`. Return 0, or the seconds until there is one. 0 a minute means no limit."""
    return take_one(kind, whose, per_minute).wait


def take_one(kind: str, whose: str, per_minute: int) -> Taken:
    """The same, and what is left. A process grants only what it has taken from the allowance that all share.

    Without the application `queueapp.limits` there is no limit either, as there is no table.
    """
    return take_each(kind, [whose], per_minute)[whose]


def take_each(kind: str, whose: Iterable[str], per_minute: int) -> dict[str, Taken]:
    """Take one for each of these, like take_one(). At most two statements, however many they are."""
    names = sorted(set(whose))
    if per_minute <= 0 or not apps.is_installed("queueapp.limits"):
        return dict.fromkeys(names, Taken(0.0, None, 0.0))
    share = 60.0 / per_minute
    if per_minute < BATCHED_FROM:
        return _take(kind, names, share)
    held = {one: taken for one in names if (taken := _from_hand(f"{kind}:{one}", share))}
    missing = [one for one in names if one not in held]
    batches = _take(kind, missing, share, BATCH) if missing else {}
    _keep({f"{kind}:{one}": taken.full_in for one, taken in batches.items() if not taken.wait})
    short = [one for one, taken in batches.items() if taken.wait]  # the last few are taken one by one
    return held | batches | (_take(kind, short, share) if short else {})


def _from_hand(key: str, share: float) -> Taken | None:
    """Use up one that this process holds; None: it holds none."""
    with _lock:
        batch = _in_hand.pop(key, None)
        if batch is None:
            return None
        if batch.left > 1:
            _in_hand[key] = batch._replace(left=batch.left - 1)
    full_in = max(batch.full_at - time.monotonic(), 0.0)
    return Taken(0.0, _left(full_in, share, batch.left - 1), full_in)


def _keep(full_in: dict[str, float]) -> None:
    """Hold what is left of a batch of each. The values say when each allowance is full again."""
    with _lock:
        if len(_in_hand) >= MAX_CACHED:
            _in_hand.clear()
        for key, seconds in full_in.items():
            before = _in_hand.get(key)
            _in_hand[key] = _Batch((before.left if before else 0) + BATCH - 1, time.monotonic() + seconds)


def _left(full_in: float, share: float, in_hand: int = 0) -> int:
    """Return how many are left, with those that this process holds. These come back to the allowance meanwhile."""
    return min(max(math.floor((60.0 - full_in) / share + 1e-6), 0) + in_hand, round(60.0 / share))


def _take(kind: str, whose: list[str], share: float, many: int = 1) -> dict[str, Taken]:
    """Take so many of each, or none. `share`: seconds in which one is restored."""
    if random.randrange(CLEAN_ONE_IN) == 0:  # noqa: S311 (no secret)
        with connection.cursor() as cursor:
            cursor.execute(_FORGET)
    alone = not connection.in_atomic_block
    keys = [f"{kind}:{one}" for one in whose]
    taken, full_in = prepared_row(_TAKE, {"keys": keys, "share": share * many, "alone": alone})
    return {
        one: Taken(0.0, _left(seconds, share, many - 1), seconds)
        if granted
        else Taken(max(seconds + share * many - 60.0, 0.0), _left(seconds, share), seconds)
        for one, granted, seconds in zip(whose, taken, full_in, strict=True)
    }
