"""Whose jobs a page is about: of the one who asks, or, for staff, of another."""

from __future__ import annotations

from typing import cast
from urllib.parse import urlencode

from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest

from ..models import Owner
from ..user_model import user_named

NAMES = ("user", "key")
"""Parameters of an address that name another owner."""


def owner_shown(request: HttpRequest) -> Owner:
    """Return whose jobs the address is about: see api/whose.py.

    Raises PermissionDenied if another is named without being staff, and Http404 if there is none.
    """
    user, key = (request.GET.get(name) for name in NAMES)
    asking = cast(AbstractBaseUser, request.user)
    if key is None and user in (None, asking.get_username()):
        return Owner.objects.of_user(asking)
    if not getattr(asking, "is_staff", False):
        raise PermissionDenied
    named = None if user is None else user_named(user)
    if key is None and named is not None:
        return Owner.objects.of_user(named)
    owner = Owner.objects.find_key(key) if key is not None and user is None else None
    if owner is None:
        raise Http404
    return owner


def is_own(request: HttpRequest, owner: Owner) -> bool:
    """Whether these are the jobs of the one who asks. Pages change no others: staff have the admin for that."""
    return bool(owner.user_id == request.user.pk)


def names_in(request: HttpRequest) -> dict[str, str]:
    """Return the parameters that name another owner, for links of the page."""
    return {name: request.GET[name] for name in NAMES if name in request.GET}


def query_of(request: HttpRequest) -> str:
    """Return the query that a link needs to keep the other owner; "" without one."""
    names = names_in(request)
    return f"?{urlencode(names)}" if names else ""
