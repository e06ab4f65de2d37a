"""Flows in the admin, and the page of their shares."""

from . import admin  # noqa: F401 (registers)
