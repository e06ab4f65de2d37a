"""Whose jobs a page is about: of the one who asks, or, for staff with an open look, of another."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from ..models import Owner
from ..user_model import user_named
from .looks import look_until
from .roles import may_look

NAMES = ("user", "key")
"""Parameters of an address that name another owner."""
SAFE = ("GET", "HEAD")


def of_owner(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponseBase]:
    """Give the view, after the request, the owner that its address is about.

    Another than the one who asks: 403 without the permission to look, and for whatever is not only read; 404 if there
    is none; without an open look, a redirect to the page that opens one.
    """

    @login_required
    @wraps(view)
    def shown(request: HttpRequest, **given: Any) -> HttpResponse:
        owner = _named(request)
        if not is_own(request, owner) and look_until(request, owner) is None:
            query = urlencode({**names_in(request), "next": request.get_full_path()})
            return redirect(f"{reverse('queueapp:staff-look')}?{query}")
        return view(request, owner, **given)

    return shown


def _named(request: HttpRequest) -> Owner:
    user, key = (request.GET.get(name) for name in NAMES)
    asking = cast(AbstractBaseUser, request.user)
    if key is None and user in (None, asking.get_username()):
        return Owner.objects.of_user(asking)
    if not may_look(request) or request.method not in SAFE:
        raise PermissionDenied
    owner = find_owner(user, key)
    if owner is None:
        raise Http404
    return owner


def find_owner(user: str | None, key: str | None) -> Owner | None:
    """Return the owner that a user name or a key names; None if there is none, or if both are given."""
    if user is not None and key is None:
        named = user_named(user)
        return None if named is None else Owner.objects.of_user(named)
    return Owner.objects.find_key(key) if key is not None and user is None else None


def is_own(request: HttpRequest, owner: Owner) -> bool:
    """Whether these are the jobs of the one who asks. Pages change no others: staff have the console for that."""
    return bool(owner.user_id == request.user.pk)


def whose_context(request: HttpRequest, owner: Owner) -> dict[str, Any]:
    """Return what templates need to know of whose page it is. `look_until`: when the look at another's ends."""
    own = is_own(request, owner)
    return {
        "owner": owner.name,
        "own": own,
        "whose": names_in(request),
        "whose_query": query_of(request),
        "look_until": None if own else look_until(request, owner),
    }


def names_in(request: HttpRequest) -> dict[str, str]:
    """Return the parameters that name another owner, for links of the page."""
    return {name: request.GET[name] for name in NAMES if name in request.GET}


def query_of(request: HttpRequest) -> str:
    """Return the query that a link needs to keep the other owner; "" without one."""
    names = names_in(request)
    return f"?{urlencode(names)}" if names else ""
