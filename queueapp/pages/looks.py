"""Looks: for half an hour, staff see the pages of one other owner. Nobody becomes another user: pages only read.

The look is in the session, so it ends with it, at log-out.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

from django.http import HttpRequest

from ..models import Owner

MINUTES = 30
_KEY = "queueapp_look"


def begin_look(request: HttpRequest, owner: Owner) -> None:
    """Let the session look at an owner's pages from now on, instead of at another's."""
    request.session[_KEY] = {"owner": owner.pk, "until": time.time() + MINUTES * 60}


def end_look(request: HttpRequest) -> Owner | None:
    """End the session's look. Return whose pages it was at; None: there was none."""
    look = request.session.pop(_KEY, None)
    return None if look is None else Owner.objects.filter(pk=look["owner"]).first()


def look_until(request: HttpRequest, owner: Owner) -> datetime | None:
    """Return when the session's look at this owner's pages ends; None: there is none, or its time is over."""
    look = request.session.get(_KEY)
    if look is None or look["owner"] != owner.pk or look["until"] <= time.time():
        return None
    return datetime.fromtimestamp(look["until"], UTC)
