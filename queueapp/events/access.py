"""Access to a stream: the account and the token or session that opened it, and whether they still hold."""

from __future__ import annotations

import time
from collections.abc import Collection, Hashable
from dataclasses import dataclass

from django.contrib.sessions.models import Session
from django.utils import timezone

from ..user_model import active_users


@dataclass(frozen=True)
class StreamAccess:
    """The owner whose queue it shows, and what it ends with: the user, the password, the session or the token."""

    owner: int
    user: Hashable
    password: str
    session: str | None = None
    expires_at: float | None = None

    @property
    def has_expired(self) -> bool:
        """Whether its token's time is over."""
        return self.expires_at is not None and time.time() >= self.expires_at


def revoked(accesses: Collection[StreamAccess]) -> set[StreamAccess]:
    """Those that hold no more. Two queries, however many there are."""
    people = {given.user for given in accesses}
    passwords = dict(active_users().filter(pk__in=people).values_list("pk", "password"))
    keys = {given.session for given in accesses if given.session is not None}
    sessions = set(
        Session.objects.filter(pk__in=keys, expire_date__gt=timezone.now()).values_list("pk", flat=True) if keys else ()
    )
    return {
        given
        for given in accesses
        if given.has_expired
        or passwords.get(given.user) != given.password
        or (given.session is not None and given.session not in sessions)
    }
