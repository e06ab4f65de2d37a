"""What lists have of values that may be large: small ones whole, of text the beginning, and nothing else is read."""

from __future__ import annotations

from django.db.models import BooleanField, Case, Expression, F, Func, JSONField, Q, When
from django.db.models.functions import Left

MOST = 1_024
"""Bytes of JSON, and characters of an error, that lists have of a job."""
_STORED = 6 * MOST
"""No JSON of so few bytes is stored in more: what is stored in more need not be read to know that it is large."""


class _IsSmall(Func):
    template = (
        f"(CASE WHEN pg_column_size(%(expressions)s) <= {_STORED}"
        f" THEN octet_length((%(expressions)s)::text) <= {MOST} ELSE false END)"
    )
    output_field = BooleanField()


def small(field: str) -> Case:
    """The JSON in this field; NULL where it is large."""
    return Case(When(_IsSmall(field), then=F(field)), output_field=JSONField())


def is_large(field: str) -> Expression | Q:
    """Whether the JSON in this field is larger than lists have it."""
    return Q(**{f"{field}__isnull": False}) & ~Q(_IsSmall(field))


def beginning(field: str) -> Left:
    """The beginning of the text in this field, with a character more than is shown: see cut()."""
    return Left(field, MOST + 1)


def cut(text: str) -> str:
    """The text; of a longer one the beginning, with an ellipsis as its last character."""
    return text if len(text) <= MOST else f"{text[: MOST - 1]}…"
