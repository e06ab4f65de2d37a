"""Checks of the database, and of what the queue needs without any address."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error, register
from django.db import DEFAULT_DB_ALIAS, connection, router
from django.db.models import Model

from ..db.session_settings import READ_COMMITTED


@register
def check_database(**_: Any) -> list[CheckMessage]:
    """Return E001 to E005."""
    return [*_engine(), *_applications(), *_routers(), *_isolation(), *_time_zones()]


def _engine() -> Iterator[CheckMessage]:
    if connection.vendor != "postgresql":
        yield Error(
            f"The queue needs PostgreSQL, and the database {DEFAULT_DB_ALIAS!r} is {connection.display_name}.",
            hint="Set DATABASES['default'] (DATABASE_URL, where the settings read it) to a PostgreSQL database.",
            id="queueapp.E001",
        )


def _applications() -> Iterator[CheckMessage]:
    if not apps.is_installed("django_q"):
        yield Error(
            "django-q2, which supervises the processors, is not an application of this project.",
            hint="Add 'django_q' to INSTALLED_APPS, after 'queueapp'.",
            id="queueapp.E002",
        )


def _routers() -> Iterator[CheckMessage]:
    """One for each model: users too, whom the queue's tables refer to."""
    models: list[type[Model]] = [get_user_model(), *apps.get_app_config("queueapp").get_models()]
    if apps.is_installed("queueapp.limits"):
        models += apps.get_app_config("limits").get_models()
    for model in models:
        used = {router.db_for_read(model), router.db_for_write(model)} - {DEFAULT_DB_ALIAS}
        if used or not router.allow_migrate_model(DEFAULT_DB_ALIAS, model):
            where = f"routed to {min(used)!r}" if used else f"kept out of {DEFAULT_DB_ALIAS!r}"
            yield Error(
                f"{model._meta.label} is {where} by DATABASE_ROUTERS, and the queue works on the database "
                f"{DEFAULT_DB_ALIAS!r} only.",
                hint=f"Let the routers return None for the application {model._meta.app_label!r}.",
                id="queueapp.E003",
            )


def _isolation() -> Iterator[CheckMessage]:
    level = connection.settings_dict.get("OPTIONS", {}).get("isolation_level", READ_COMMITTED)
    if level != READ_COMMITTED:
        yield Error(
            "The queue's transactions need the isolation level READ COMMITTED: its statements wait for locks and must "
            "then see what was committed meanwhile.",
            hint="Remove isolation_level from OPTIONS of DATABASES['default'].",
            id="queueapp.E004",
        )


def _time_zones() -> Iterator[CheckMessage]:
    if not settings.USE_TZ:
        yield Error(
            "The queue stores moments with their time zone, and USE_TZ is False.",
            hint="Set USE_TZ = True.",
            id="queueapp.E005",
        )
