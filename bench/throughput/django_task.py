"""The same as a task of Django's own kind; imported only where the package for it is installed."""

from __future__ import annotations

from django_tasks import task  # type: ignore[import-not-found]


@task()  # type: ignore[untyped-decorator]
def nothing() -> None:
    """Do nothing."""
