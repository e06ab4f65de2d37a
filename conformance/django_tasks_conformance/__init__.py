"""What the interface of Django's tasks promises, as tests for any backend.

    class TestOurBackend(BackendConformance, TestCase):
        def run_tasks(self):
            ...  # run all tasks that wait, in this process

README.md has the settings that it needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .suite import BackendConformance

__all__ = ["BackendConformance"]


def __getattr__(name: str) -> Any:
    """Return BackendConformance, imported late: Django imports this module as an app, before the tasks can be."""
    if name == "BackendConformance":
        from .suite import BackendConformance

        return BackendConformance
    raise AttributeError(name)
