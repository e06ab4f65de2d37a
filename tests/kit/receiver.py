"""A receiver of webhooks for tests: a real HTTP server on loopback that answers as it is told."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import Any

from standardwebhooks.webhooks import Webhook

DEADLINE = 30.0


@dataclass
class Received:
    """One message as it came."""

    path: str
    headers: dict[str, str]
    body: str

    def verified(self, secret: str) -> Any:
        """Return the JSON of the message. Raises WebhookVerificationError unless it is signed with the secret."""
        return Webhook(secret).verify(self.body, self.headers)


@dataclass
class Receiver:
    """A running receiver. `answers`: the statuses of the next answers; then 204. A callable answers by itself."""

    url: str
    messages: Queue[Received] = field(default_factory=Queue)
    answers: list[int | Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def next(self) -> Received:
        """Return the next message. Raises Empty after DEADLINE seconds."""
        return self.messages.get(timeout=DEADLINE)

    def hang(self, _: BaseHTTPRequestHandler) -> None:
        """As an answer: none, until the test ends or the receiver is released."""
        self.released.wait(DEADLINE)


@contextmanager
def receiver(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Yield a receiver on a free port of 127.0.0.1. `tls`: it speaks https, as localhost."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            told.messages.put(Received(self.path, dict(self.headers), body))
            answer = told.answers.pop(0) if told.answers else 204
            if callable(answer):
                answer(self)
                return
            self.send_response(answer)
            if answer in (301, 302, 307):
                self.send_header("Location", "/elsewhere")
            self.end_headers()
            if answer >= 400:
                self.wfile.write(f"answer {answer}".encode())

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    host = "https://localhost" if tls else "http://127.0.0.1"
    told = Receiver(f"{host}:{server.server_port}/hook")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        told.released.set()
        server.shutdown()
        server.server_close()
