"""The spans, by OpenTelemetry's conventions for messaging: a task is a destination, a job a message.

submit report        PRODUCER   the submission; a child of the client's span
attempt report       CONSUMER   one attempt, current while the task runs; a child of the submission
completed report     PRODUCER   the event that tells a client of the end; a child of the submission
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from opentelemetry import propagate, trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from . import Attempt, Delivery, Submitted

SYSTEM = "turnabout"
_TRACEPARENT = "traceparent"
_tracer = trace.get_tracer("queueapp")
_stored = TraceContextTextMapPropagator()  # whatever OTEL_PROPAGATORS says: a job stores a traceparent, and no baggage


@contextmanager
def within_caller(headers: Mapping[str, str]) -> Iterator[None]:
    """Make the client's span current, unless an instrumentation of the web server has made one of its own."""
    if trace.get_current_span().get_span_context().is_valid:
        yield
        return
    token = attach(propagate.extract(headers))
    try:
        yield
    finally:
        detach(token)


@contextmanager
def submission(jobs: Sequence[Submitted]) -> Iterator[str | None]:
    """Trace a submission; yield its traceparent. An exception is recorded."""
    tasks = {job.task for job in jobs}
    attributes = _attributes("submit", "send", tasks.pop() if len(tasks) == 1 else None)
    if len(jobs) == 1:
        attributes["messaging.message.id"] = jobs[0].job_id
    else:
        attributes["messaging.batch.message_count"] = len(jobs)
    with _tracer.start_as_current_span(_name(attributes), kind=SpanKind.PRODUCER, attributes=attributes):
        carrier: dict[str, str] = {}
        _stored.inject(carrier)
        yield carrier.get(_TRACEPARENT)


def begin(attempt: Attempt, started: int | None = None) -> Span:
    """Return the span of an attempt that begins: now, or at `started`, in nanoseconds."""
    attributes = _attributes("attempt", "process", attempt.task, attempt.job, attempt.owner)
    attributes["turnabout.attempt"] = attempt.number
    traceparent = None
    if attempt.submitted is not None:
        traceparent, attributes["turnabout.wait_seconds"] = attempt.submitted
    return _tracer.start_span(
        _name(attributes), _parent(traceparent), SpanKind.CONSUMER, attributes, start_time=started
    )


def make_current(span: Span) -> None:
    """Make spans of this context children of this one."""
    attach(trace.set_span_in_context(span))


def end(span: Span, status: str, error: str = "", log: str = "", ended: int | None = None) -> None:
    """End the span of an attempt: now, or at `ended`, in nanoseconds. `log`: its traceback."""
    span.set_attribute("turnabout.outcome", status)
    if error:
        kind = match[0] if (match := re.match(r"\w+(?=: |$)", error)) else "_OTHER"
        span.set_attribute("error.type", kind)
        event = {"exception.type": kind, "exception.message": error, "exception.stacktrace": log}
        span.add_event("exception", {name: text for name, text in event.items() if text}, ended)
        span.set_status(Status(StatusCode.ERROR, error))
    span.end(ended)


def flush() -> None:
    """Send the spans that have ended. May take as long as OTEL_EXPORTER_OTLP_TIMEOUT."""
    if force := getattr(trace.get_tracer_provider(), "force_flush", None):
        force()


def delivered(delivery: Delivery) -> None:
    """Trace a completed event, from its reading until now."""
    attributes = _attributes("completed", "send", delivery.task, delivery.job, delivery.owner)
    attributes["turnabout.outcome"] = delivery.status
    _tracer.start_span(
        _name(attributes), _parent(delivery.traceparent), SpanKind.PRODUCER, attributes, start_time=delivery.read_at
    ).end(time.time_ns())


def _attributes(
    operation: str, kind: str, task: str | None, job: str | None = None, owner: int | None = None
) -> dict[str, AttributeValue]:
    found: dict[str, AttributeValue | None] = {
        "messaging.system": SYSTEM,
        "messaging.operation.name": operation,
        "messaging.operation.type": kind,
        "messaging.destination.name": task,
        "messaging.message.id": job,
        "turnabout.owner": owner,
    }
    return {name: value for name, value in found.items() if value is not None}


def _name(attributes: Mapping[str, AttributeValue]) -> str:
    """Return the name of a span: the operation, and its destination if there is one only."""
    destination = attributes.get("messaging.destination.name")
    return " ".join(str(part) for part in (attributes["messaging.operation.name"], destination) if part)


def _parent(traceparent: str | None) -> Context:
    return Context() if traceparent is None else _stored.extract({_TRACEPARENT: traceparent})
