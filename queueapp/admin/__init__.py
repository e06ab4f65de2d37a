"""Django's admin: rules, pauses and users are edited here, jobs, flows and processors are only looked at."""

from . import flows, jobs, owners, pauses, processors, rules  # noqa: F401 (each registers its model)
