"""The zoo, in five rooms, and the good job that looks around; queueapp finds them here."""

from . import database, endings, good, limits, process, runtime  # noqa: F401 (registers)
