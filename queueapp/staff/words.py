"""Pauses in words."""

from __future__ import annotations

from django.utils.translation import gettext

from ..models import Pause


def pause_label(paused: Pause) -> str:
    """Return what is paused, for a list: "task render"."""
    if paused.task:
        return gettext("task %(name)s") % {"name": paused.task}
    if paused.owner is None:
        return gettext("everything")
    text = gettext("key %(name)s") if paused.owner.user is None else gettext("user %(name)s")
    return text % {"name": paused.owner.name}


def pause_subject(paused: Pause) -> str:
    """Return the same as the beginning of a sentence: "The task render"."""
    if paused.task:
        return gettext("The task %(name)s") % {"name": paused.task}
    if paused.owner is None:
        return gettext("Everything")
    text = gettext("The key %(name)s") if paused.owner.user is None else gettext("The user %(name)s")
    return text % {"name": paused.owner.name}
