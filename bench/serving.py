"""The site's web server on a free port of loopback, and API clients with tokens."""

from __future__ import annotations

import time

import httpx

from bench.harness import START_DEADLINE, Crew, free_port
from jobsite.up import web_server

PASSWORD = "turnabout-bench"


def serve(crew: Crew, application: str = "jobsite.asgi:application") -> str:
    """Start the web server as `make run` does, wait until it answers, and return its URL.

    Raises RuntimeError if it ends, or does not answer within START_DEADLINE seconds.
    """
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    crew.start(*web_server(port, application))
    deadline = time.monotonic() + START_DEADLINE
    while time.monotonic() < deadline:
        crew.check()
        try:
            httpx.get(f"{url}/api/v1/queue/")
            return url
        except httpx.TransportError:
            time.sleep(0.05)
    raise RuntimeError("The web server does not answer.")


def client(url: str, name: str) -> httpx.Client:
    """Return an API client with a token of this user, whose password is PASSWORD."""
    answer = httpx.post(f"{url}/api/v1/token/", json={"username": name, "password": PASSWORD})
    answer.raise_for_status()
    token = answer.json()["access"]
    return httpx.Client(base_url=f"{url}/api/v1/", headers={"Authorization": f"Bearer {token}"}, timeout=30)
