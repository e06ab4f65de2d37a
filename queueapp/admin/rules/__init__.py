"""Priority rules in the admin, with the preview of a change."""

from . import admin  # noqa: F401 (registers)
