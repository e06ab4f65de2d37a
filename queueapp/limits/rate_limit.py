"""Allowances: so many a minute, all of them at once or spread, shared by all web processes. One statement each, or, of
a large one, one for several."""

from __future__ import annotations

import random
import threading

from django.db import connection

from ..db.statements import prepared_row

# Of an allowance only the moment is kept at which it is whole again: taking one moves it on by a minute's share, and
# it may lie a minute ahead at most. (Known as the generic cell rate algorithm.) One that lies further ahead is from
# before the clock was set back, and counts as whole. Nobody waits for the disk for it, unless in a transaction with
# something else.
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
# Locked rows are in use, and skipped, so that two that clean up never wait for each other.
_FORGET = """
DELETE FROM limits_allowance WHERE key IN
    (SELECT key FROM limits_allowance WHERE whole_at < clock_timestamp() FOR UPDATE SKIP LOCKED LIMIT 10000)
"""
FORGET_ONE_IN = 1000
"""Once in so many times allowances that are whole again are deleted: they are as good as none."""


LARGE = 1000
"""A minute: of an allowance from here on a process takes AT_ONCE, and asks no more until it has used them up."""
AT_ONCE = 10
MOST_KNOWN = 10_000
"""Allowances of which a process has some in hand."""

_in_hand: dict[str, int] = {}
_lock = threading.Lock()


def take(kind: str, whose: str, per_minute: int) -> float:
    """Take one of somebody's `per_minute`: 0, or the seconds to wait until there is one. 0 a minute means no limit.

    Nobody is let in for what was not taken from what all processes share.
    """
    if per_minute <= 0:
        return 0.0
    key, share = f"{kind}:{whose}", 60.0 / per_minute
    if per_minute < LARGE:
        return _take(key, share)
    if _has_one(key):
        return 0.0
    if _take(key, share * AT_ONCE):
        return _take(key, share)  # the last few one by one
    with _lock:
        if len(_in_hand) >= MOST_KNOWN:
            _in_hand.clear()
        _in_hand[key] = _in_hand.get(key, 0) + AT_ONCE - 1
    return 0.0


def _has_one(key: str) -> bool:
    """Whether one was in hand; it is used up."""
    with _lock:
        left = _in_hand.pop(key, 0)
        if left > 1:
            _in_hand[key] = left - 1
        return left > 0


def _take(key: str, share: float) -> float:
    """Take what is whole again after so many seconds; 0, or the seconds to wait until it can be taken."""
    if random.randrange(FORGET_ONE_IN) == 0:  # noqa: S311 (no secret)
        with connection.cursor() as cursor:
            cursor.execute(_FORGET)
    alone = not connection.in_atomic_block
    (wait,) = prepared_row(_TAKE, {"key": key, "share": share, "alone": alone})
    return max(float(wait), 0.0)
