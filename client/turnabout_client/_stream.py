"""Follows the event stream, and comes back after the last completion whenever it is cut."""

from __future__ import annotations

import math
import random

import httpx
from httpx_sse import ServerSentEvent

from ._api import Api, decode, sentence
from ._steps import Emit, Patience, Receive, Request, Sleep, Steps
from .errors import Unreachable
from .shapes import Completed, Estimates, Event, Job, Progress, Queue, Reconnecting, Reset

SILENCE = 30.0
"""Seconds without a byte after which a stream is dead: the server sends a comment every 15 seconds at least."""
SILENCE_WITH_JOBS = 10.0
"""The same while one has jobs: the server then sends an event every second."""
LONGEST_PAUSE = 30.0
JITTER = (0.5, 1.5)
"""Factors of the pause before a stream is opened anew, which the server asks for."""
PRESENT = 999_999_999_999_999_999
"""A number ahead of all completions. The server answers `reset` with the last number, so none after it is missed."""


def follow(api: Api, after: int | None, silence: float, retry_for: float) -> Steps[None]:
    """Emit every event of the stream, for ever. `after` None: from now on. `retry_for`: seconds to try for at first.

    Raises ApiError, Unreachable, NotTurnabout if the first connection fails. Later only what does not pass: ApiError
    other than RateLimited and Unavailable.
    """
    cursor = PRESENT if after is None else after
    patience = Patience(retry_for)
    pause = 1.0
    while True:
        yield from api.call(_request(cursor, silence), patience)
        reason = "The stream ended."
        try:
            while (message := (yield Receive())) is not None:
                pause = pause if message.retry is None else message.retry / 1000
                event = parse(message)
                if isinstance(event, Reset) and cursor == PRESENT:
                    cursor, event = event.number, event.queue
                elif isinstance(event, Completed | Reset):
                    cursor = event.number
                if event is not None:
                    yield Emit(event)
        except httpx.TransportError as error:
            reason = sentence(error)
        patience = Patience(math.inf, LONGEST_PAUSE)
        seconds = pause * random.uniform(*JITTER)  # noqa: S311
        yield Emit(Reconnecting(reason=reason, seconds=seconds))
        yield Sleep(seconds)


def last_number(api: Api, silence: float) -> Steps[int]:
    """Return the number of the user's last completion so far, 0 if there is none. Raises ApiError, Unreachable."""
    patience = Patience(api.retry_for)
    while True:
        yield from api.call(_request(PRESENT, silence), patience)
        reason = "The stream ended."
        try:
            while (message := (yield Receive())) is not None:
                if isinstance(event := parse(message), Reset):
                    return event.number
        except httpx.TransportError as error:
            reason = sentence(error)
        if (pause := patience.pause()) is None:
            raise Unreachable(f"The site does not answer: {reason}")
        yield Sleep(pause)


def _request(after: int, silence: float) -> Request:
    headers = {"Accept": "text/event-stream", "Cache-Control": "no-store", "Last-Event-ID": str(after)}
    return Request("GET", "events/", headers=headers, silence=silence)


def parse(message: ServerSentEvent) -> Event | None:
    """Return the event; None: one that this version does not know. Raises NotTurnabout."""
    match message.event:
        case "queue":
            return decode(message.data, Queue)
        case "estimates":
            return decode(message.data, Estimates)
        case "progress":
            return decode(message.data, Progress)
        case "completed":
            return Completed(number=int(message.id), job=decode(message.data, Job))
        case "reset":
            return Reset(number=int(message.id), queue=decode(message.data, Queue))
    return None
