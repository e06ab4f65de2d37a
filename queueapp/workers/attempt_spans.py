"""The spans of attempts in a task process, where a task's own spans become their children."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from .. import tracing
from ..lifecycle.outcome import JobOutcome
from ..lifecycle.turn import ClaimedJob
from ..states import Status
from .shared_memory import Kind, Stop

if TYPE_CHECKING:
    from types import ModuleType

    from opentelemetry.trace import Span

FLUSH_SECONDS = 0.2
"""Maximum seconds that a task process waits for its spans to be sent before it ends."""


class AttemptSpans:
    """Traces one attempt at a time. Nothing that goes wrong here reaches a job, or delays one by more than that."""

    def __init__(self, spans: ModuleType) -> None:
        self._spans = spans
        self._span: Span | None = None
        self._unsent = False
        self._sender: threading.Thread | None = None

    def begin(self, attempt: tracing.Attempt) -> None:
        """Begin the span of an attempt, and make it current in this context."""
        with suppress(Exception):
            self._span = self._spans.begin(attempt)
            self._spans.make_current(self._span)

    def end(self, kind: Kind, text: str, log: str, stop: Stop) -> None:
        """End the span. `kind`, `text` and `log`: as in a Record; `stop`: why the job was to stop."""
        span, self._span, self._unsent = self._span, None, True
        cancelled = kind is Kind.STOPPED and stop is Stop.CANCELLED
        status = Status.SUCCEEDED if kind is Kind.RESULT else Status.CANCELLED if cancelled else Status.FAILED
        with suppress(Exception):
            if span is not None:
                self._spans.end(span, status, text if status is Status.FAILED else "", log)

    def died(self, job: ClaimedJob, outcome: JobOutcome) -> None:
        """Make the span of an attempt whose process died before this one was forked."""
        self._unsent = True
        now, ended = time.monotonic(), time.time_ns()
        ended -= int((now - outcome.ended) * 1e9)
        with suppress(Exception):
            span = self._spans.begin(job.traced(), ended - int(outcome.spent * 1e9))
            self._spans.end(span, outcome.status, outcome.error, outcome.log, ended)

    def flush(self, seconds: float = FLUSH_SECONDS) -> None:
        """Send what has ended, and wait for that at most so long: the collector may not answer."""
        if self._unsent and (self._sender is None or not self._sender.is_alive()):
            self._unsent = False
            self._sender = threading.Thread(target=self._spans.flush, daemon=True)
            self._sender.start()
        if self._sender is not None:
            self._sender.join(seconds)


def attempt_spans() -> AttemptSpans | None:
    """Return what traces the attempts of this process, after its fork; None if nothing does."""
    tracing.set_up()
    spans = tracing.active()
    return None if spans is None else AttemptSpans(spans)
