"""Whose jobs a request is about: of the one who asks, or, for staff, of another."""

from __future__ import annotations

from typing import cast

from django.contrib.auth.models import AbstractBaseUser
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from ..errors import FieldError, InvalidQuery, InvalidSubmission
from ..models import Owner
from ..models.api_key import Scope
from ..user_model import user_named
from .authentication import has_scope

WHOSE = [
    OpenApiParameter("user", str, description="For staff: the user whose jobs are meant; left out: you."),
    OpenApiParameter("key", str, description="For staff: the fairness key whose jobs are meant, instead of a user."),
]
NAMES = {"user", "key"}


def owner_of(request: Request, user: str | None, key: str | None) -> Owner:
    """Return whose jobs a submission is about: of the one who asks, or, for staff, of the user or the key named.

    Raises PermissionDenied if another is named without being staff, before looking whether there is one, and
    InvalidSubmission if there is none.
    """
    user_asking = asking(request)
    if key is None and user in (None, user_asking.get_username()):
        return Owner.objects.of_user(user_asking)
    if not is_staff(request):
        raise PermissionDenied("Only staff may name another user or a key; an API key of theirs needs the scope staff.")
    if user is None:
        return Owner.objects.of_key(str(key))
    if key is not None:
        raise InvalidSubmission([FieldError("key", "name a user or a key, not both")])
    named = user_named(user)
    if named is None:
        raise InvalidSubmission([FieldError("user", "there is no active user of this name")])
    return Owner.objects.of_user(named)


def owner_in_query(request: Request) -> Owner:
    """The same, as the query has it. Raises InvalidQuery; also for a key that has no jobs."""
    user, key = request.query_params.get("user"), request.query_params.get("key")
    try:
        if key is None or user is not None or not is_staff(request):
            return owner_of(request, user, key)
        if owner := Owner.objects.find_key(key):
            return owner
        raise InvalidQuery([FieldError("key", "no job has this key")])
    except InvalidSubmission as wrong:
        raise InvalidQuery(wrong.errors) from None


def asking(request: Request) -> AbstractBaseUser:
    """Return the user of the request. ProtectedView admits nobody without a log-in."""
    return cast(AbstractBaseUser, request.user)


def is_staff(request: Request) -> bool:
    """Whether the user of the request is staff, and the API key, if one came along, has the scope for that."""
    return bool(getattr(request.user, "is_staff", False)) and has_scope(request, Scope.STAFF)
