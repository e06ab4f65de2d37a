"""Where the project has put the API and the admin: what middleware has to know before a view is found."""

from __future__ import annotations

from django.urls import NoReverseMatch, reverse


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
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""
