"""The project's user model: all that the queue asks of it. It can have any primary key and any USERNAME_FIELD."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import FieldDoesNotExist
from django.db import connection
from django.db.models import Model, QuerySet


def user_named(name: str) -> AbstractBaseUser | None:
    """Return the active user of this name, or None."""
    user: AbstractBaseUser | None = active_users().filter(**{get_user_model().USERNAME_FIELD: name}).first()
    return user


def active_users() -> QuerySet[Any]:
    """Return the users who may log in. A user model without the field `is_active` has no others."""
    model = get_user_model()
    users = model._default_manager.all()
    return users.filter(is_active=True) if _field("is_active") else users


def changed_users(known: Sequence[tuple[Any, str | None]]) -> list[int]:
    """Return the indexes of those, given as primary key and password hash, that are gone, inactive or have another
    password now. None: any password will do. One query; thousands cost a few milliseconds."""
    meta = get_user_model()._meta
    quote, key = connection.ops.quote_name, meta.pk
    active = f"AND u.{quote('is_active')}" if _field("is_active") else ""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT g.place FROM unnest(%s::{key.rel_db_type(connection)}[], %s::text[])"  # noqa: S608 (Django's names)
            f" WITH ORDINALITY AS g(id, password, place) WHERE NOT EXISTS (SELECT 1 FROM {quote(meta.db_table)} u"
            f" WHERE u.{quote(str(key.column))} = g.id AND coalesce(u.password = g.password, true) {active})",
            [[key.get_db_prep_value(pk, connection) for pk, _ in known], [password for _, password in known]],
        )
        return [place - 1 for (place,) in cursor.fetchall()]


def memberships() -> type[Model] | None:
    """Return the model that links users and groups; None where the project's users have no groups."""
    field = _field("groups")
    through: type[Model] | None = field and field.remote_field.through
    return through


def members_of(groups: Collection[int]) -> set[Any]:
    """Return the primary keys of the users in any of these groups. One query."""
    return {user for user, _ in _memberships("group", groups)}


def groups_of(users: Collection[Any]) -> dict[Any, frozenset[int]]:
    """Return the groups of each of these users, by primary keys. One query."""
    found: dict[Any, set[int]] = {user: set() for user in users}
    for user, group in _memberships("user", users):
        found[user].add(group)
    return {user: frozenset(groups) for user, groups in found.items()}


def _field(name: str) -> Any:
    try:
        return get_user_model()._meta.get_field(name)
    except FieldDoesNotExist:
        return None


def _memberships(side: str, among: Collection[Any]) -> list[tuple[Any, int]]:
    """Return pairs of user and group, of these users or groups."""
    field = _field("groups")
    if field is None or not among:
        return []
    user, group = field.m2m_field_name(), field.m2m_reverse_field_name()
    only = {f"{user if side == 'user' else group}__in": list(among)}
    return list(field.remote_field.through._default_manager.filter(**only).values_list(user, group))


def email_of(user: AbstractBaseUser) -> str:
    """Return the address of an active user; "" if there is none."""
    active = getattr(user, "is_active", True)
    return str(getattr(user, user.get_email_field_name(), "") or "") if active else ""
