"""Access to a stream: the account and the key, token or session that opened it, and whether they still hold."""

from __future__ import annotations

import time
from collections.abc import Collection, Hashable
from dataclasses import dataclass
from importlib import import_module

from django.conf import settings
from django.db import connection

from ..user_model import changed_users

_ENDED_SESSIONS = """
    SELECT g.place FROM unnest(%s::text[]) WITH ORDINALITY AS g(key, place)
     WHERE g.key IS NOT NULL AND NOT EXISTS (
           SELECT 1 FROM django_session s WHERE s.session_key = g.key AND s.expire_date > clock_timestamp())
"""
_ENDED_KEYS = """
    SELECT g.place FROM unnest(%s::bigint[]) WITH ORDINALITY AS g(key, place)
     WHERE g.key IS NOT NULL AND NOT EXISTS (
           SELECT 1 FROM queueapp_apikey k
            WHERE k.id = g.key AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp()))
"""


@dataclass(frozen=True, slots=True)
class StreamAccess:
    """The owner whose queue it shows, and what it ends with: the user, the password, the session, the token or the
    API key. A key does not end with the password, which is then None."""

    owner: int
    user: Hashable
    password: str | None
    session: str | None = None
    expires_at: float | None = None
    key: int | None = None

    @property
    def has_expired(self) -> bool:
        """Whether its token's time is over."""
        return self.expires_at is not None and time.time() >= self.expires_at


def revoked(accesses: Collection[StreamAccess]) -> set[StreamAccess]:
    """Return those that hold no more. At most three queries, however many there are; only what has ended comes back.

    Sessions that are not in the database are asked for one by one.
    """
    given = list(accesses)
    ended = _ended_sessions([one.session for one in given])
    ended += _ended_keys([one.key for one in given])
    ended += changed_users([(one.user, one.password) for one in given])
    return {given[index] for index in ended} | {one for one in given if one.has_expired}


def _ended_sessions(keys: list[str | None]) -> list[int]:
    """Return the indexes of the sessions that have ended. None: a token. Signed cookies end with the password."""
    if settings.SESSION_ENGINE.endswith((".db", ".cached_db")):
        return _ended(_ENDED_SESSIONS, keys)
    if settings.SESSION_ENGINE.endswith(".signed_cookies"):
        return []
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    return [index for index, key in enumerate(keys) if key is not None and not store.exists(key)]


def _ended_keys(keys: list[int | None]) -> list[int]:
    """Return the indexes of the API keys that were revoked or have expired. None: a token or a session."""
    return _ended(_ENDED_KEYS, keys)


def _ended(statement: str, keys: list[str | None] | list[int | None]) -> list[int]:
    """Return the indexes of the keys that the statement finds ended. No query if there are none."""
    if not any(key is not None for key in keys):
        return []
    with connection.cursor() as cursor:
        cursor.execute(statement, [keys])
        return [place - 1 for (place,) in cursor.fetchall()]
