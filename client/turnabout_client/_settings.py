"""What both clients are made of."""

from __future__ import annotations

import re

import httpx

from ._address import api_root
from ._api import Api
from ._operations import Operations
from ._steps import Request
from .credentials import MemoryTokens, TokenStore

TIMEOUT = httpx.Timeout(30.0, connect=10.0)
"""Seconds. A bulk request waits up to 10 seconds for its turn."""
PROMPT = 10.0
"""Seconds after the end of its wait within which the server answers."""


def operations(
    url: str,
    username: str | None,
    password: str | None,
    token: str | None,
    key: str | None,
    tokens: TokenStore | None,
    for_user: str | None,
    for_key: str | None,
    retry_for: float,
) -> tuple[str, Operations]:
    """Return the API's root, and the operations. Raises ValueError for an address or settings that make no sense."""
    if token and key:
        raise ValueError("Give a token or a key, not both.")
    if for_user and for_key:
        raise ValueError("Name a user or a fairness key, not both.")
    if (bearer := token or key) and not re.fullmatch(r"[!-~]+", bearer):
        raise ValueError("The token or key has a character that none has, such as a blank or a line end.")
    login = (username, password) if username is not None and password is not None else None
    given = {"user": for_user, "key": for_key}
    whose = {name: value for name, value in given.items() if value is not None}
    return api_root(url), Operations(Api(bearer, login, tokens or MemoryTokens(), retry_for), whose)


def timeout_of(request: Request) -> httpx.Timeout:
    """Return how long to wait for the network."""
    if request.wait:
        return httpx.Timeout(TIMEOUT.connect, read=request.wait + PROMPT)
    if request.silence is None:
        return TIMEOUT
    return httpx.Timeout(TIMEOUT.connect, read=request.silence)
