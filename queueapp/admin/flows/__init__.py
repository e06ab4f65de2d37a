"""Flows in the admin, and the shares that they got."""

from . import admin  # noqa: F401 (registers)
