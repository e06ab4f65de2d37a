"""API keys: made, found and revoked."""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
import string
from collections.abc import Collection
from datetime import timedelta
from typing import Annotated, Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, connection, transaction
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ..db.clock import DatabaseClock, database_now
from ..errors import FieldError, InvalidKey, KeyNameTaken, ScopeNotAllowed, TooManyKeys
from ..models.api_key import MAX_NAME, ApiKey, Scope
from .validation import Moment, field_errors

logger = logging.getLogger(__name__)

MAX_KEYS = 50
"""Maximum number of keys of one user, expired ones included."""
BEGINNING = "tka_"
"""How every key begins. Programs that look for leaked secrets know it by that."""
WRONG = "The API key is wrong, has expired or was revoked."
USE_EVERY = timedelta(minutes=1)
"""A key's last use is written at most so often."""

_KEY = re.compile(rf"({BEGINNING}[a-z0-9]{{12}})_[A-Za-z0-9]{{43}}")
_ID_LETTERS = string.ascii_lowercase + string.digits
_SECRET_LETTERS = string.ascii_letters + string.digits  # 43 of 62 are 256 bits
# Whoever else notes a use at the same time has locked the row: nobody waits for that. No request waits for the disk.
_NOTE_USE = """
WITH asynchronous AS (SELECT CASE WHEN %(alone)s THEN set_config('synchronous_commit', 'off', true) END)
UPDATE queueapp_apikey SET last_used_at = clock_timestamp()
 WHERE id IN (SELECT k.id FROM asynchronous, queueapp_apikey k WHERE k.id = ANY(%(keys)s)
                 FOR NO KEY UPDATE OF k SKIP LOCKED)
"""


class NewKey(BaseModel):
    """A key as it is asked for."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    name: str = Field(min_length=1, max_length=MAX_NAME, description="Your own name for the key.")
    scopes: list[Annotated[Scope, Field(strict=False)]] = Field(
        min_length=1, max_length=len(Scope), description="What it may do; `staff` is for staff."
    )
    expires_at: Moment | None = Field(
        default=None, strict=False, description="It works until then (ISO 8601, with time zone); left out: for ever."
    )

    @field_validator("name", mode="after")
    @classmethod
    def _readable(cls, name: str) -> str:
        if not name.isprintable() or name != name.strip():
            raise ValueError(gettext("use printable characters only, without a blank at either end"))
        return name


def parse_key(data: Any) -> NewKey:
    """Return the key that is asked for. Raises InvalidKey."""
    try:
        return NewKey.model_validate(data)
    except ValidationError as wrong:
        raise InvalidKey(list(field_errors(wrong, "body"))) from None


def make_key(user: AbstractBaseUser, asked: NewKey) -> tuple[ApiKey, str]:
    """Make a key of this user. Return it, and its text, which cannot be had again.

    Raises InvalidKey, TooManyKeys. Locks the user's row, so that of many requests at once none exceeds MAX_KEYS.
    """
    if Scope.STAFF in asked.scopes and not getattr(user, "is_staff", False):
        raise ScopeNotAllowed([FieldError("scopes", gettext("only staff may have a key with the scope staff"))])
    if asked.expires_at is not None and asked.expires_at <= database_now():
        raise InvalidKey([FieldError("expires_at", gettext("must be in the future"))])
    prefix = BEGINNING + _random(_ID_LETTERS, 12)
    text = f"{prefix}_{_random(_SECRET_LETTERS, 43)}"
    try:
        with transaction.atomic():
            get_user_model()._default_manager.select_for_update(no_key=True).get(pk=user.pk)
            if ApiKey.objects.filter(user_id=user.pk).count() >= MAX_KEYS:
                raise TooManyKeys(MAX_KEYS)
            key = ApiKey.objects.create(
                user_id=user.pk, name=asked.name, prefix=prefix, digest=_digest(text),
                scopes=[scope for scope in Scope if scope in asked.scopes], expires_at=asked.expires_at,
            )  # fmt: skip
    except IntegrityError:
        raise KeyNameTaken([FieldError("name", gettext("you have a key of this name already"))]) from None
    return key, text


def revoke_key(user: AbstractBaseUser, prefix: str) -> bool:
    """Revoke the user's key with this prefix. Return whether there was one. Its event streams end within seconds."""
    found, _ = ApiKey.objects.filter(user_id=user.pk, prefix=prefix.replace("\x00", "")).delete()
    if found:
        logger.info("User %s revoked the API key %s.", user.pk, prefix)
    return bool(found)


def key_in(authorization: str) -> str | None:
    """Return what an Authorization header has in place of a key, right or wrong; None: it is for something else."""
    scheme, _, text = authorization.partition(" ")
    text = text.strip()
    return text if scheme.lower() == "bearer" and text.startswith(BEGINNING) else None


def find_keys(texts: Collection[str]) -> dict[str, ApiKey]:
    """Return the keys with these texts, with their users and owners. Wrong, expired and revoked ones are left out,
    and those of users who are not active. One query; once a minute for each key, a statement that notes its use.
    """
    prefixes = {text: match[1] for text in texts if (match := _KEY.fullmatch(text))}
    if not prefixes:
        return {}
    rows = ApiKey.objects.filter(prefix__in=set(prefixes.values())).select_related("user__queue_owner")
    known = {key.prefix: key for key in rows.annotate(now=DatabaseClock())}
    found = {
        text: key
        for text, prefix in prefixes.items()
        if (key := known.get(prefix)) is not None
        and constant_time_compare(key.digest, _digest(text))
        and (key.expires_at is None or key.expires_at > key.now)
        and key.user.is_active
    }
    used = {
        key.pk for key in found.values() if key.last_used_at is None or not 0 <= _age(key) < USE_EVERY.total_seconds()
    }
    if used:
        _note_use(used)
    return dict(found)


def _age(key: Any) -> float:
    """Return the seconds since the key's last use was noted. Below 0: the clock was set back."""
    return float((key.now - key.last_used_at).total_seconds())


def _note_use(keys: Collection[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_NOTE_USE, {"keys": sorted(keys), "alone": not connection.in_atomic_block})


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _random(letters: str, many: int) -> str:
    return "".join(secrets.choice(letters) for _ in range(many))
