"""Owners: whose jobs they are."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.validators import RegexValidator
from django.db import connection, models
from django.db.models import Q

from ..db.caller import commit_apart, in_transaction, sees_commits
from ..db.statements import prepared_row
from ..i18n import gettext_noop
from ..policy.rules import Subject
from ..user_model import groups_of

if TYPE_CHECKING:
    from .flow import Flow  # noqa: F401  # named by the field, as text

KEY = r"[A-Za-z0-9_.:@+~/-]{1,200}"
"""A fairness key. Rules name keys in a list with commas, and with `*` all keys that begin so."""
KEY_SENTENCE = gettext_noop("use 1 to 200 letters, digits and _ . : @ + ~ / - only")


class OwnerQuerySet(models.QuerySet["Owner"]):
    def of_user(self, user: AbstractBaseUser) -> Owner:
        """Return the owner of a user's jobs; create it if there is none yet."""
        if in_transaction():
            # Not by the user's object, which would remember an owner that is rolled back.
            self._create_apart(user=user.pk)
            return self.get_or_create(user_id=user.pk)[0]
        other_end: Any = Owner._meta.get_field("user").remote_field
        if not other_end.is_cached(user):
            other_end.set_cached_value(user, _read_owner(user))
        owner: Owner | None = other_end.get_cached_value(user)
        return owner or self.get_or_create(user=user)[0]  # type: ignore[misc]  # of whichever class

    def of_key(self, key: str) -> Owner:
        """Return the owner that a fairness key names; create it if there is none yet. Raises ValueError."""
        if not re.fullmatch(KEY, key):
            raise ValueError(f"{key!r} is not a key: {KEY_SENTENCE}.")
        if in_transaction():
            self._create_apart(key=key)
        return self.get_or_create(key=key)[0]

    def _create_apart(self, **whose: Any) -> None:
        """Create a missing owner in a transaction apart from the caller's, so that it is there for others at once.

        Otherwise all submissions of that owner would wait on its unique index until the caller commits. Does nothing
        for a user that is not committed yet, and where the caller would not see the new row.
        """
        if self.filter(**whose).exists() or not sees_commits():
            return
        if "key" in whose:
            commit_apart("INSERT INTO queueapp_owner (key) VALUES (%s) ON CONFLICT DO NOTHING", [whose["key"]])
            return
        user = get_user_model()._meta
        key, table = map(connection.ops.quote_name, (str(user.pk.column), user.db_table))
        commit_apart(
            f"INSERT INTO queueapp_owner (user_id) SELECT {key} FROM {table} WHERE {key} = %s"  # noqa: S608
            " ON CONFLICT DO NOTHING",
            [user.pk.get_db_prep_value(whose["user"], connection)],
        )

    def find_key(self, key: str) -> Owner | None:
        """Return the owner that a fairness key names, if there is one."""
        return self.filter(key=key).first() if re.fullmatch(KEY, key) else None

    def named(self, names: Collection[str]) -> dict[str, int]:
        """Return the ids of the owners with these user names or keys, by name. Other names are left out."""
        user = f"user__{get_user_model().USERNAME_FIELD}"
        found: dict[Any, int] = dict(self.filter(key__in=names).values_list("key", "pk"))
        return found | dict(self.filter(**{f"{user}__in": names}).values_list(user, "pk"))

    def subjects(self) -> dict[int, Subject]:
        """Return what rules ask about each of these owners, by owner id. Two queries."""
        rows = list(self.values_list("pk", "user", "key"))
        groups = groups_of({user for _, user, _ in rows if user is not None})
        return {pk: Subject(user, groups.get(user, frozenset()), key) for pk, user, key in rows}


class Owner(models.Model):
    """Whose jobs they are: a user of the project, or a *fairness key* (a team, a tenant, an API client).

    Created when first needed. It stands between the queue and the project's user model, which can have any primary key:
    the queue's tables and statements know owners by a bigint.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="queue_owner"
    )
    key = models.CharField(
        max_length=200,
        unique=True,
        null=True,
        blank=True,
        db_collation="C",
        validators=[RegexValidator(rf"\A{KEY}\Z", KEY_SENTENCE)],
        help_text="A fairness key: a team, a tenant or an API client that is no user.",
    )
    # Decided by the priority rules (lifecycle/route.py) and kept here, so that a submission need not ask them.
    flow = models.ForeignKey(
        "queueapp.Flow",
        null=True,
        blank=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="members",
        help_text="The flow that its next job joins.",
    )

    failures_seen = models.BigIntegerField(
        default=0, db_default=0, editable=False, help_text="The owner has seen all failures up to this completion."
    )

    objects = OwnerQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(user__isnull=True) ^ Q(key__isnull=True), name="owner_user_or_key"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """The user's name, or the key."""
        return self.user_name or self.key or ""

    @property
    def user_name(self) -> str | None:
        """The user's name; None for a key."""
        return None if self.user is None else self.user.get_username()


_FIELDS = [field.attname for field in Owner._meta.concrete_fields]  # named as their columns are
# One row, of nulls for a user without an owner. Prepared, as nearly every request asks.
_OF_USER = f"SELECT o.{', o.'.join(_FIELDS)} FROM (SELECT) AS one LEFT JOIN queueapp_owner o ON o.user_id = %s"  # noqa: S608


def _read_owner(user: Any) -> Owner | None:
    row = prepared_row(_OF_USER, [user._meta.pk.get_db_prep_value(user.pk, connection)])
    if row[0] is None:
        return None
    owner = Owner.from_db(connection.alias, _FIELDS, row)
    owner.user = user
    return owner
