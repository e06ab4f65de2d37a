"""Sets the OpenTelemetry SDK up from the standard environment variables: OTLP over HTTP, one provider a process."""

from __future__ import annotations

import logging
import os
import secrets
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace.export import SpanExporter

logger = logging.getLogger(__name__)

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
DELAY_MILLISECONDS = 1_000
"""Milliseconds between two exports, unless OTEL_BSP_SCHEDULE_DELAY is set: what a process that is killed may lose."""


@lru_cache(maxsize=1)
def prepare() -> tuple[SpanExporter, Resource] | None:
    """Return what exports spans and describes their source; None if no endpoint is set, or the packages are missing.

    Call it before processes are forked: they share the imports, which take a tenth of a second. It starts no thread
    and opens no connection.
    """
    if not any(map(os.environ.get, ENDPOINTS)) or os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    protocol = next(filter(None, map(os.environ.get, PROTOCOLS)), "http/protobuf")
    if protocol != "http/protobuf":
        logger.warning("No traces are sent by %s: set OTEL_EXPORTER_OTLP_PROTOCOL to http/protobuf.", protocol)
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource

        from . import spans  # noqa: F401 (its imports take 5 ms)
    except ImportError:
        logger.warning("No traces are sent: install opentelemetry-sdk and opentelemetry-exporter-otlp-proto-http.")
        return None
    return OTLPSpanExporter(), Resource.create()


def set_up() -> None:
    """Set the SDK up in this process, if an endpoint is set and no other code has set one up.

    Call it after the fork, as the SDK has a thread.
    """
    from . import active

    prepared = prepare()
    if prepared is None or active() is not None:
        return
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

    class Ids(RandomIdGenerator):
        """Ids that are random even if a task seeds `random`, which would repeat them."""

        def generate_span_id(self) -> int:
            return secrets.randbits(64) or 1

        def generate_trace_id(self) -> int:
            return secrets.randbits(128) or 1

    exporter, resource = prepared
    provider = TracerProvider(resource=resource, id_generator=Ids())
    delay = None if "OTEL_BSP_SCHEDULE_DELAY" in os.environ else DELAY_MILLISECONDS
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=delay))
    trace.set_tracer_provider(provider)
