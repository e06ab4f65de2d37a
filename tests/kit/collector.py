"""A collector of OpenTelemetry traces for tests: OTLP over HTTP, on loopback."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Status

SECONDS = 20.0


@dataclass(frozen=True)
class Span:
    """A span that was received. Ids are in hexadecimal digits; `parent` is "" for a root. Times are in nanoseconds."""

    name: str
    trace: str
    id: str
    parent: str
    began: int
    ended: int
    attributes: dict[str, Any]
    error: str
    """The description of its status, if that is an error."""
    exceptions: list[dict[str, Any]]

    @property
    def outcome(self) -> Any:
        return self.attributes.get("turnabout.outcome")


class Collector:
    """Keeps the spans that it receives. While `answers` is not set, it receives nothing and gives no answer."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.answers = threading.Event()
        self.answers.set()
        self._news = threading.Condition()

    def add(self, spans: list[Span]) -> None:
        with self._news:
            self.spans += spans
            self._news.notify_all()

    def wait(self, what: Callable[[Span], bool], many: int = 1) -> list[Span]:
        """Return the spans for which `what` holds, in the order of their beginnings, once there are so many."""
        with self._news:
            assert self._news.wait_for(lambda: sum(map(what, self.spans)) >= many, SECONDS), self.spans
            return sorted(filter(what, self.spans), key=lambda span: span.began)


@contextmanager
def collector() -> Iterator[tuple[Collector, str]]:
    """A collector that listens, and the endpoint for OTEL_EXPORTER_OTLP_ENDPOINT."""
    kept = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.answers.wait()
            kept.add(_spans(ExportTraceServiceRequest.FromString(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield kept, f"http://127.0.0.1:{server.server_port}"
        finally:
            kept.answers.set()
            server.shutdown()
            thread.join()


def _spans(request: ExportTraceServiceRequest) -> list[Span]:
    return [
        Span(
            span.name, span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex(),
            span.start_time_unix_nano, span.end_time_unix_nano, _values(span.attributes),
            span.status.message if span.status.code == Status.STATUS_CODE_ERROR else "",
            [_values(event.attributes) for event in span.events if event.name == "exception"],
        )
        for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans
    ]  # fmt: skip


def _values(attributes: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    pair: KeyValue
    for pair in attributes:
        found[pair.key] = getattr(pair.value, str(pair.value.WhichOneof("value")))
    return found
