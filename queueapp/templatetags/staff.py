"""Filters of the console's templates: numbers and durations in words, and the address of a job."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext

from ..models import Job, Pause
from ..pages import humanize
from ..pages.visible import visible as made_visible
from ..staff import charts, words

register = template.Library()


@register.filter
def number(value: int | None) -> str:
    """Return a whole number with separators: 12,345."""
    return charts.EMPTY if value is None else humanize.number(value)


@register.filter
def decimal(value: float) -> str:
    """Return a number to three digits, without needless zeros."""
    return humanize.number(value) if value >= 100 else humanize.localized(f"{value:.3g}")


@register.filter
def seconds(value: float | None) -> str:
    """Return a duration in words."""
    return charts.EMPTY if value is None else humanize.seconds(value)


@register.filter
def wait(value: float | None) -> str:
    """Return a wait in words, to two digits."""
    return charts.wait(value)


@register.filter
def percent(value: float) -> str:
    """Return a fraction as a percentage, rounded down, so that 100% means all."""
    return (
        gettext("under %(percent)s") % {"percent": humanize.percent(0.01)}
        if 0 < value < 0.01
        else humanize.percent(int(value * 100) / 100)
    )


@register.filter
def visible(text: str) -> str:
    """Return a text with controls made visible."""
    return made_visible(text)


@register.filter
def paused(pause: Pause) -> str:
    """Return what is paused, in words."""
    return words.pause_label(pause)


@register.filter
def job_address(job: Job, perms: Any) -> str:
    """Return the address of the job in the admin, if there is one and the user may see it; else its page; else ""."""
    try:
        if "queueapp.view_job" in perms:
            return reverse("admin:queueapp_job_change", args=[job.pk])
        whose = {"key": job.key} if job.key else {"user": job.user_name}
        return f"{reverse('queueapp:job-page', args=[job.name])}?{urlencode(whose)}"
    except NoReverseMatch:
        return ""
