"""The web server: uvicorn, set up for this site.

    python -m jobsite.web [--host 127.0.0.1] [--port 8000] [--share-port] [--no-proxy-headers]

Several processes serve one port with --share-port: the kernel spreads connections, and so event streams, among them
(SO_REUSEPORT). Each has its own hub and its own database connections.
"""

from __future__ import annotations

import argparse
import socket
import sys

import uvicorn

from jobsite.protocol import BoundedProtocol

BACKLOG = 4096
"""Connections that wait to be accepted, at most; net.core.somaxconn may be lower. A storm of streams fills it first."""


def main(arguments: list[str] | None = None) -> None:
    """Serve until SIGINT or SIGTERM. Requests that are under way then have two seconds. Exits with a sentence."""
    options = _options(arguments)
    try:
        listener = _listener(options.host, options.port, share=options.share_port)
    except OSError as error:
        sys.exit(f"{options.host}:{options.port} cannot be used ({error.strerror or error}).")
    config = uvicorn.Config(
        options.application,
        http=BoundedProtocol,
        ws="none",
        lifespan="off",
        backlog=BACKLOG,
        proxy_headers=options.proxy_headers,
        server_header=False,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=2,
    )
    uvicorn.Server(config).run([listener])


def _listener(host: str, port: int, *, share: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if share:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind((host, port))
    return listener


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="jobsite.web", description="Serve the site.")
    parser.add_argument("application", nargs="?", default="jobsite.asgi:application", help="the ASGI application")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=int, default=8000, help="the port to listen on")
    parser.add_argument("--share-port", action="store_true", help="other processes may listen on this port, too")
    parser.add_argument(
        "--proxy-headers",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="believe X-Forwarded-For and X-Forwarded-Proto of the proxies in FORWARDED_ALLOW_IPS",
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
