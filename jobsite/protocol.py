"""uvicorn's HTTP protocol with bounds: its own takes headers without end, from anybody, and keeps them in memory.

For uvicorn's option --http: jobsite.protocol:BoundedProtocol.
"""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD = 65_536
"""Bytes of a request's first line and headers together; also of a chunked body's trailers."""


TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-type: text/plain; charset=utf-8\r\ncontent-length: 24\r\nconnection: close\r\n\r\n"
    b"The headers are too long"
)


class HeadTooLarge(Exception):
    """A request's head has more than MAX_HEAD bytes."""


class BoundedProtocol(HttpToolsProtocol):
    """Answers 431 to a head of more than MAX_HEAD bytes. Takes a WebSocket handshake for a plain request, quietly."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._unheard = 0
        """Bytes that came since the parser last had something to say, and which it therefore keeps."""

    def data_received(self, data: bytes) -> None:
        """Parse what came. A single header is not seen before it is complete: what the parser keeps is counted."""
        self._unheard += len(data)
        before = self._unheard
        super().data_received(data)
        if self._unheard == before > MAX_HEAD and not self.transport.is_closing():
            self._refuse_head()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._unheard = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._unheard = 0
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > MAX_HEAD:
            self._refuse_head()
            raise HeadTooLarge  # the parser stops
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of the body is there."""
        self._unheard = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is there."""
        self._unheard = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer a request that cannot be parsed, unless it was answered."""
        if not self.transport.is_closing():
            super().send_400_response(msg)

    def _refuse_head(self) -> None:
        self.transport.write(TOO_LARGE)
        self.transport.close()

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: anybody can ask for a WebSocket."""
