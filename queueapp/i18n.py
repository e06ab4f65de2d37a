"""Texts in the reader's language: marks for `make messages`, and whole numbers."""

from __future__ import annotations

from django.utils.formats import number_format


def gettext_noop(text: str) -> str:
    """Return the text as it is. Django's function of this name reads the settings, which may not be there yet."""
    return text


def whole_number(value: int) -> str:
    """Return a whole number with the separators of the language that is active: '12,345'."""
    return str(number_format(value, force_grouping=True))
