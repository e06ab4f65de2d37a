"""Who asks for a stream: many keys, tokens and sessions, checked with a few queries together.

The checks are those of simplejwt's JWTAuthentication and of django.contrib.auth.get_user(). What differs from the
usual, such as another session engine or a session that was signed by an older key, is not known here: views.py decides
it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model, load_backend
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.sessions.backends.db import SessionStore
from django.core.exceptions import ValidationError
from django.utils.crypto import constant_time_compare

from ..http.authentication import authentication_classes
from ..lifecycle.api_keys import find_keys, key_in
from ..models import DatabaseClock, Owner
from ..models.api_key import Scope
from ..user_model import active_users
from .access import StreamAccess

DATABASE_SESSIONS = "django.contrib.sessions.backends.db"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client sent: an Authorization header, else the key of its session. Empty: it sent none."""

    authorization: bytes = b""
    session: str = ""


class _Claim(NamedTuple):
    """A user's primary key, and what proves it: an API key's id, the claims of a token, or a session's key and the hash
    in it."""

    user: Any
    token: Any = None
    session: str | None = None
    session_hash: str = ""
    key: int | None = None


def accesses(given: Sequence[Credentials]) -> list[StreamAccess | None]:
    """Return what each client may follow; None: not decided here. Four queries, and one for each new owner."""
    keys = _keys({one.authorization for one in given})
    sessions = _sessions({one.session for one in given if not one.authorization and _is_session_key(one.session)})
    claims = [
        keys.get(one.authorization) or _token(one.authorization) if one.authorization else sessions.get(one.session)
        for one in given
    ]
    users = _users({claim.user for claim in claims if claim is not None})
    return [claim and _access(claim, users.get(claim.user)) for claim in claims]


def _keys(authorizations: set[bytes]) -> dict[bytes, _Claim]:
    """Return the API keys that may read."""
    texts = {one: text for one in authorizations if (text := key_in(one.decode(errors="replace")))}
    found = find_keys(texts.values())
    return {
        one: _Claim(found[text].user_id, key=found[text].pk)
        for one, text in texts.items()
        if text in found and Scope.READ in found[text].scopes
    }


def _token(authorization: bytes) -> _Claim | None:
    if not _takes_jwt():
        return None
    from rest_framework.exceptions import APIException
    from rest_framework_simplejwt.authentication import JWTAuthentication
    from rest_framework_simplejwt.settings import api_settings

    if api_settings.USER_ID_FIELD not in ("pk", get_user_model()._meta.pk.name):
        return None
    checks = JWTAuthentication()
    try:
        raw = checks.get_raw_token(authorization)
        token: Any = raw and checks.get_validated_token(raw)
    except APIException:
        return None
    return (
        _claim(token[api_settings.USER_ID_CLAIM], token=token)
        if token and api_settings.USER_ID_CLAIM in token
        else None
    )


@cache
def _takes_jwt() -> bool:
    """Whether the API asks simplejwt's own class first. A project may have others, or not have the package."""
    with suppress(ModuleNotFoundError):
        from rest_framework_simplejwt.authentication import JWTAuthentication

        return authentication_classes()[0] is JWTAuthentication
    return False


def _sessions(keys: set[str]) -> dict[str, _Claim]:
    if settings.SESSION_ENGINE != DATABASE_SESSIONS or not keys:
        return {}
    model = SessionStore.get_model_class()
    rows = model.objects.filter(pk__in=keys, expire_date__gt=DatabaseClock()).values_list("pk", "session_data")
    store = SessionStore()
    found: dict[str, _Claim] = {}
    for key, data in rows:
        content = store.decode(data)
        if SESSION_KEY in content and _is_usual(content.get(BACKEND_SESSION_KEY, "")):
            claim = _claim(content[SESSION_KEY], session=key, session_hash=content.get(HASH_SESSION_KEY, ""))
            found |= {key: claim} if claim else {}
    return found


def _is_session_key(text: str) -> bool:
    """Whether Django could have made this key. Others, such as one with a NUL, are not asked for."""
    return text.isascii() and text.isalnum()


def _claim(user: Any, **proof: Any) -> _Claim | None:
    try:
        return _Claim(get_user_model()._meta.pk.to_python(user), **proof)
    except ValidationError:
        return None


@cache
def _is_usual(backend: str) -> bool:
    """Whether this backend loads a session's user as Django's own does."""
    if backend not in settings.AUTHENTICATION_BACKENDS:
        return False
    return getattr(type(load_backend(backend)), "get_user", None) is ModelBackend.get_user


def _users(keys: Iterable[Any]) -> dict[Any, AbstractBaseUser]:
    return {user.pk: user for user in active_users().filter(pk__in=list(keys)).select_related("queue_owner")}


def _is_of_password(token: Any, password: str) -> bool:
    """Whether a token was made while the user had this password. Always, unless simplejwt checks that."""
    from rest_framework_simplejwt.settings import api_settings
    from rest_framework_simplejwt.utils import get_md5_hash_password

    given = token.get(api_settings.REVOKE_TOKEN_CLAIM)
    return bool(not api_settings.CHECK_REVOKE_TOKEN or given == get_md5_hash_password(password))


def _access(claim: _Claim, user: AbstractBaseUser | None) -> StreamAccess | None:
    if user is None:
        return None
    if claim.key is not None:
        return StreamAccess(Owner.objects.of_user(user).pk, user.pk, None, key=claim.key)
    if claim.token is None:
        if not constant_time_compare(claim.session_hash, user.get_session_auth_hash()):
            return None
    elif not _is_of_password(claim.token, user.password):
        return None
    expires_at = None if claim.token is None else float(claim.token["exp"])
    return StreamAccess(Owner.objects.of_user(user).pk, user.pk, user.password, claim.session, expires_at)
