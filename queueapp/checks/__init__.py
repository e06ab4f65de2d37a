"""System checks: what is wrong or missing in a project, each with its fix. docs/reference/checks.md lists them."""

from . import database, web  # noqa: F401 (register)
