"""The no-op function as a task of Django's. Imported only if django_tasks is installed."""

from __future__ import annotations

from django_tasks import task


@task()
def nothing() -> None:
    """Do nothing."""
