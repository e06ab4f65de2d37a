"""Marks texts that are translated later, for `make messages` to find."""

from __future__ import annotations


def gettext_noop(text: str) -> str:
    """Return the text as it is. Django's function of this name reads the settings, which may not be there yet."""
    return text
