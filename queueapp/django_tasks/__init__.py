"""A backend for Django's tasks: functions with Django's @task run as jobs of the queue.

    TASKS = {"default": {"BACKEND": "queueapp.django_tasks.FairBackend"}}

docs/guides/django-tasks.md shows it. The database names functions, and no process imports what it names: a job runs a
function that Django's @task has marked, in a module that the processor has imported at its start.
"""

from __future__ import annotations

from .backend import FairBackend
from .task import FairContext, FairTask

__all__ = ["FairBackend", "FairContext", "FairTask"]
