"""The address of a site."""

from __future__ import annotations

from urllib.parse import urlsplit


def api_root(url: str) -> str:
    """Return the API's root of a site's address, or of the API's own. Raises ValueError."""
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"{url!r} is not the address of a site, such as https://queue.example.org")
    _ = parts.port  # raises ValueError if it is none
    if parts.username is not None or parts.password is not None:
        raise ValueError("Leave user name and password out of the address.")
    path = parts.path.rstrip("/").removesuffix("/api/v1")
    return f"{parts.scheme}://{parts.netloc}{path}/api/v1/"
