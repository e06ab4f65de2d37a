"""The user accounts of a run. A `manage.py shell` process makes them."""

from __future__ import annotations

PASSWORD = "chaos-and-order"


def name_of(number: int) -> str:
    """Return the name of user `number`."""
    return f"user{number}"


def make_users(many: int) -> None:
    """Make users 0 to `many` - 1."""
    from django.contrib.auth import get_user_model

    for number in range(many):
        get_user_model().objects.create_user(name_of(number), password=PASSWORD)
