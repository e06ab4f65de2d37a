"""The no-op function that django-q2 runs."""

from __future__ import annotations


def nothing() -> None:
    """Do nothing."""
