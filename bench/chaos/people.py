"""The users of a run; called inside Django, in a process of its own."""

from __future__ import annotations

PASSWORD = "chaos-and-order"


def name_of(number: int) -> str:
    """The name of the user of this number."""
    return f"user{number}"


def make_users(many: int) -> None:
    """Make so many users."""
    from django.contrib.auth import get_user_model

    for number in range(many):
        get_user_model().objects.create_user(name_of(number), password=PASSWORD)
