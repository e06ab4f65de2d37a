"""Where the project has put the API and the admin: what middleware has to know before a view is found."""

from __future__ import annotations

from functools import lru_cache

from django.conf import settings
from django.urls import NoReverseMatch, get_script_prefix, get_urlconf, reverse
from django.utils.translation import get_language


def api_root() -> str:
    """Return the path that all addresses of the API begin with; "" if the project does not include it."""
    return _path("queueapp:jobs").removesuffix("jobs/")


def admin_root() -> str:
    """Return the path that all addresses of the admin begin with; "" without an admin."""
    return _path("admin:index")


def events_path() -> str:
    """Return the path of the event stream; "" if the project does not include it."""
    return _path("queueapp:events")


def jobs_page_path() -> str:
    """Return the path of the page of all jobs, with which those of one job begin; "" if the project has none."""
    return _path("queueapp:jobs-page")


def submit_path() -> str:
    """Return the path with which the pages that submit jobs begin; "" if the project has none."""
    return _path("queueapp:submit")


def is_below(path: str, root: str) -> bool:
    """Whether a path begins with a root that there is."""
    return bool(root) and path.startswith(root)


def _path(name: str) -> str:
    return _found(name, get_urlconf() or settings.ROOT_URLCONF, get_script_prefix(), get_language())


@lru_cache(maxsize=100)
def _found(name: str, *_: str | None) -> str:
    """Return the path, which is asked for several times in each request. `_`: all that it depends on."""
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""
