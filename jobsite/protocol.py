"""uvicorn's HTTP protocol with a limit for headers: uvicorn itself keeps headers of any size in memory.

Used as uvicorn's option `--http jobsite.protocol:BoundedProtocol`.
"""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD = 65_536
"""Maximum size of a request's URL and headers together, and of a chunked body's trailers, in bytes."""


TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-type: text/plain; charset=utf-8\r\ncontent-length: 24\r\nconnection: close\r\n\r\n"
    b"The headers are too long"
)


class HeadTooLarge(Exception):
    """A request's head has more than MAX_HEAD bytes."""


class BoundedProtocol(HttpToolsProtocol):
    """Answers 431 to a head of more than MAX_HEAD bytes. Does not log WebSocket handshakes."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._unheard = 0
        """Bytes received since the last `on_...` callback below. The parser, or uvicorn, may still keep them all."""

    def data_received(self, data: bytes) -> None:
        """Parse data. Received bytes are counted too, because the parser reports a header only once it is complete."""
        self._unheard += len(data)
        before = self._unheard
        super().data_received(data)
        if self._unheard == before > MAX_HEAD and not self.transport.is_closing():
            self._refuse_head()

    def on_message_begin(self) -> None:
        """Reset the count: a request begins."""
        self._unheard = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Reset the count and check the size of the whole head. Raises HeadTooLarge."""
        self._unheard = 0
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > MAX_HEAD:
            self._refuse_head()
            raise HeadTooLarge  # the parser stops
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Reset the count: a part of the body is complete."""
        self._unheard = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Reset the count: the request is complete."""
        self._unheard = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer 400 to a request that cannot be parsed, unless the connection is closing, as after a 431."""
        if not self.transport.is_closing():
            super().send_400_response(msg)

    def _refuse_head(self) -> None:
        self.transport.write(TOO_LARGE)
        self.transport.close()

    def _unsupported_upgrade_warning(self) -> None:
        """Log nothing: anybody can ask for a WebSocket."""
