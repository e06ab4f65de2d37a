"""What django-q2 and Django's own tasks run: nothing."""

from __future__ import annotations


def nothing() -> None:
    """Do nothing."""
