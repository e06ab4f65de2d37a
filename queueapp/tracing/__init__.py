"""OpenTelemetry traces of jobs: their submission, their attempts, and the event that tells of their end.

Without an SDK nothing is traced, and opentelemetry is not imported. An SDK is set up by set_up(), or from outside, as
opentelemetry-instrument does.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from types import ModuleType
from typing import NamedTuple, Protocol

from .sdk import prepare, set_up

__all__ = ["Attempt", "Delivery", "active", "delivered", "prepare", "set_up", "submission", "within_caller"]


class Submitted(Protocol):
    """What a span says of a submitted job."""

    @property
    def job_id(self) -> str: ...
    @property
    def task(self) -> str: ...


class Attempt(NamedTuple):
    """What a span says of an attempt. `number`: from 1.

    `submitted`: the traceparent of the submission, and the seconds since then or since `run_at`; None if the submission
    was not traced.
    """

    job: str
    task: str
    owner: int
    number: int
    submitted: tuple[str, float] | None


class Delivery(NamedTuple):
    """What a span says of a completed event. `read_at`: when it was read from the database, in nanoseconds."""

    traceparent: str
    job: str
    task: str
    owner: int
    status: str
    read_at: int


def active() -> ModuleType | None:
    """Return the module `spans`, or None if no SDK is set up."""
    api = sys.modules.get("opentelemetry.trace")
    if api is None or isinstance(api.get_tracer_provider(), api.ProxyTracerProvider):
        return None
    from . import spans

    return spans


def within_caller(headers: Mapping[str, str]) -> AbstractContextManager[None]:
    """Return a context manager in which spans have the span of the HTTP client as their parent, if there is one."""
    spans = active()
    return nullcontext() if spans is None else spans.within_caller(headers)


def submission(jobs: Iterable[Submitted]) -> AbstractContextManager[str | None]:
    """Return a context manager that traces a submission. Its value is the traceparent to store with the jobs, or None.

    Iterates over the jobs only if there is an SDK.
    """
    spans = active()
    return nullcontext() if spans is None else spans.submission(list(jobs))


def delivered(delivery: Delivery | None) -> None:
    """Trace a completed event that is handed to the web server now. None: its job is not traced."""
    if delivery is not None and (spans := active()) is not None:
        spans.delivered(delivery)
