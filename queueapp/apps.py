"""Wires the queue into Django: tasks are found, SQL functions installed, rule changes followed."""

from __future__ import annotations

import warnings
from importlib.util import find_spec

from django import VERSION
from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import post_migrate, pre_migrate
from django.utils.module_loading import autodiscover_modules

# django-q2 says so of a project that does not configure it. It is no concern of ours: see workers/django_q2.py.
warnings.filterwarnings("ignore", "Retry and timeout are misconfigured", UserWarning)


class QueueConfig(AppConfig):
    name = "queueapp"
    verbose_name = "Job queue"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Fails the start, in one sentence, where a setting is wrong."""
        from . import checks  # noqa: F401 (registers)
        from .conf import queue_settings
        from .db import install
        from .lifecycle import rule_changes

        queue_settings()
        autodiscover_modules("tasks")
        if getattr(settings, "TASKS", None) and find_spec("django.tasks" if VERSION >= (6, 0) else "django_tasks"):
            from .django_tasks.backend import prepare

            prepare()
        pre_migrate.connect(install.refuse_unknown, sender=self)
        post_migrate.connect(install.install, sender=self)
        rule_changes.follow()
