"""Rate limits: so many requests a minute, at once or spread, shared by all web processes (GCRA).

Each request costs one statement. Of a large allowance, one statement takes several.
"""

from __future__ import annotations

import random
import threading

from django.db import connection

from ..db.statements import prepared_row

# We store one timestamp per allowance: when it will be full again. Each request moves it 60 s / limit forward, at most
# a minute ahead (GCRA, the generic cell rate algorithm). A timestamp further ahead is from before the clock was set
# back, and counts as full. The commit is asynchronous, unless it is that of a larger transaction.
_TAKE = """
WITH given AS (
    SELECT clock_timestamp() AS now, make_interval(secs => %(share)s) AS share,
           CASE WHEN %(alone)s THEN set_config('synchronous_commit', 'off', true) END AS asynchronous
), taken AS (
    INSERT INTO limits_allowance AS a (key, whole_at) SELECT %(key)s, now + share FROM given
    ON CONFLICT (key) DO UPDATE
        SET whole_at = CASE WHEN a.whole_at > clock_timestamp() + interval '61 seconds' THEN clock_timestamp()
                ELSE greatest(a.whole_at, clock_timestamp()) END + make_interval(secs => %(share)s)
        WHERE a.whole_at + make_interval(secs => %(share)s) <= clock_timestamp() + interval '1 minute'
            OR a.whole_at > clock_timestamp() + interval '61 seconds'
    RETURNING 1
)
SELECT CASE WHEN EXISTS (SELECT 1 FROM taken) THEN 0.0 ELSE coalesce(
    (SELECT extract(epoch FROM a.whole_at + share - now) - 60 FROM limits_allowance a, given WHERE key = %(key)s),
    0.0) END
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

_in_hand: dict[str, int] = {}
_lock = threading.Lock()


def take(kind: str, whose: str, per_minute: int) -> float:
    """Take one of somebody's `per_minute`. Return 0, or the seconds until there is one. 0 a minute means no limit.

    A process grants only what it has taken from the allowance that all processes share.
    """
    if per_minute <= 0:
        return 0.0
    key, share = f"{kind}:{whose}", 60.0 / per_minute
    if per_minute < BATCHED_FROM:
        return _take(key, share)
    if _has_one(key):
        return 0.0
    if _take(key, share * BATCH):
        return _take(key, share)  # the last few are taken one by one
    with _lock:
        if len(_in_hand) >= MAX_CACHED:
            _in_hand.clear()
        _in_hand[key] = _in_hand.get(key, 0) + BATCH - 1
    return 0.0


def _has_one(key: str) -> bool:
    """Use up one that this process holds, and return whether there was one."""
    with _lock:
        left = _in_hand.pop(key, 0)
        if left > 1:
            _in_hand[key] = left - 1
        return left > 0


def _take(key: str, share: float) -> float:
    """Take as much as `share` seconds restore. Return 0, or the seconds until it can be taken."""
    if random.randrange(CLEAN_ONE_IN) == 0:  # noqa: S311 (no secret)
        with connection.cursor() as cursor:
            cursor.execute(_FORGET)
    alone = not connection.in_atomic_block
    (wait,) = prepared_row(_TAKE, {"key": key, "share": share, "alone": alone})
    return max(float(wait), 0.0)
