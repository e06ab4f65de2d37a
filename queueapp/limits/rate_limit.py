"""Rate limits: so many requests a minute, at once or spread, shared by all web processes (GCRA).

Each request costs one statement. Of a large allowance, one statement takes several. Several people's requests that come
together cost one statement, too.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterable

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
    RETURNING key
)
SELECT array(SELECT CASE WHEN EXISTS (SELECT 1 FROM taken t WHERE t.key = k.key) THEN 0.0 ELSE coalesce(
           (SELECT extract(epoch FROM a.whole_at + share - now) - 60 FROM limits_allowance a WHERE a.key = k.key),
           0.0) END::float8
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

_in_hand: dict[str, int] = {}
_lock = threading.Lock()


def take(kind: str, whose: str, per_minute: int) -> float:
    """Take one of somebody's `per_minute`. Return 0, or the seconds until there is one. 0 a minute means no limit.

    Without the application `queueapp.limits` there is no limit either, as there is no table.

    A process grants only what it has taken from the allowance that all processes share.
    """
    return take_each(kind, [whose], per_minute)[whose]


def take_each(kind: str, whose: Iterable[str], per_minute: int) -> dict[str, float]:
    """Take one for each of these, like take(). At most two statements, however many they are."""
    waits = dict.fromkeys(sorted(whose), 0.0)
    if per_minute <= 0 or not apps.is_installed("queueapp.limits"):
        return waits
    share = 60.0 / per_minute
    missing = list(waits)
    if per_minute >= BATCHED_FROM:
        missing = [one for one in missing if not _has_one(f"{kind}:{one}")]
        found = _take(kind, missing, share * BATCH) if missing else {}
        _keep([f"{kind}:{one}" for one, wait in found.items() if not wait])
        missing = [one for one, wait in found.items() if wait]  # the last few are taken one by one
    return waits | _take(kind, missing, share) if missing else waits


def _has_one(key: str) -> bool:
    """Use up one that this process holds, and return whether there was one."""
    with _lock:
        left = _in_hand.pop(key, 0)
        if left > 1:
            _in_hand[key] = left - 1
        return left > 0


def _keep(keys: list[str]) -> None:
    """Hold what is left of a batch of each."""
    with _lock:
        if len(_in_hand) >= MAX_CACHED:
            _in_hand.clear()
        for key in keys:
            _in_hand[key] = _in_hand.get(key, 0) + BATCH - 1


def _take(kind: str, whose: list[str], share: float) -> dict[str, float]:
    """Take as much as `share` seconds restore, of each. Return 0, or the seconds until it can be taken."""
    if random.randrange(CLEAN_ONE_IN) == 0:  # noqa: S311 (no secret)
        with connection.cursor() as cursor:
            cursor.execute(_FORGET)
    alone = not connection.in_atomic_block
    keys = [f"{kind}:{one}" for one in whose]
    (waits,) = prepared_row(_TAKE, {"keys": keys, "share": share, "alone": alone})
    return {one: max(wait, 0.0) for one, wait in zip(whose, waits, strict=True)}
