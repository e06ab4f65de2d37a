"""The two roles of staff in the operations console, by Django's permissions. Superusers have both."""

from __future__ import annotations

from django.http import HttpRequest

VIEW, OPERATE = "queueapp.view_console", "queueapp.operate"


def may_act(request: HttpRequest) -> bool:
    """Whether the user is staff who may act."""
    return bool(getattr(request.user, "is_staff", False)) and request.user.has_perm(OPERATE)


def may_look(request: HttpRequest) -> bool:
    """Whether the user is staff who may see the console, and look at others' pages. Who may act may also look."""
    return may_act(request) or (bool(getattr(request.user, "is_staff", False)) and request.user.has_perm(VIEW))
