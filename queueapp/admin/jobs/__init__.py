"""Jobs in the admin: list, filters and actions."""

from . import admin  # noqa: F401 (registers)
