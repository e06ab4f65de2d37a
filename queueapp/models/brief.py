"""Values in lists: small JSON is read whole, text up to a length, and large JSON not at all."""

from __future__ import annotations

from django.db.models import BooleanField, Case, Expression, F, Func, JSONField, Q, When
from django.db.models.functions import Left

MAX_BRIEF = 1_024
"""Maximum bytes of JSON, and characters of an error, that lists show of a job."""
MAX_BRIEF_ATTEMPTS = 20
"""Attempts of a job that lists show, at most: the last ones. A job may be retried very often."""
_STORED = 6 * MAX_BRIEF
"""Maximum stored bytes of JSON of up to MAX_BRIEF bytes. A value stored in more is large, unread."""


class _IsSmall(Func):
    template = (
        f"(CASE WHEN pg_column_size(%(expressions)s) <= {_STORED}"
        f" THEN octet_length((%(expressions)s)::text) <= {MAX_BRIEF} ELSE false END)"
    )
    output_field = BooleanField()


def small(field: str) -> Case:
    """The JSON in this field; NULL if it is large."""
    return Case(When(_IsSmall(field), then=F(field)), output_field=JSONField())


def is_large(field: str) -> Expression | Q:
    """Whether the JSON in this field is larger than lists show."""
    return Q(**{f"{field}__isnull": False}) & ~Q(_IsSmall(field))


def beginning(field: str) -> Left:
    """The beginning of the text in this field, one character more than is shown: see cut()."""
    return Left(field, MAX_BRIEF + 1)


def cut(text: str) -> str:
    """Return the text. Of one longer than MAX_BRIEF, return the beginning, with an ellipsis as the last character."""
    return text if len(text) <= MAX_BRIEF else f"{text[: MAX_BRIEF - 1]}…"
