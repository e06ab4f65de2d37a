"""What the queue tells its users elsewhere: webhooks and e-mail digests. They are sent by jobs of system owners."""

from __future__ import annotations

from importlib.util import find_spec


def has_webhooks() -> bool:
    """Whether the packages are installed that webhooks need: pip install "turnabout[webhooks]"."""
    return all(find_spec(package) is not None for package in ("httpcore", "standardwebhooks"))
