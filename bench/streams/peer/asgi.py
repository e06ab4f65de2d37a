"""The peer's ASGI application, with an address that sends events in the web process itself.

With one web process django-eventstream needs no Redis: send_event() hands an event to that process's listeners.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from typing import Any

os.environ["DJANGO_SETTINGS_MODULE"] = "bench.streams.peer.settings"

from django.core.asgi import get_asgi_application
from django_eventstream import send_event  # type: ignore[import-not-found]  # of requirements-bench.txt

django = get_asgi_application()

OVERDUE = 10.0
"""Seconds behind its time after which no further event is sent."""
AROUND = 45
"""Bytes of an event beside the padding of its data."""


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Serve the peer's project; answer `POST /replay` with the number of events that were sent."""
    if scope["type"] != "http" or scope["path"] != "/replay":
        await django(scope, receive, send)
        return
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message["body"], message.get("more_body", False)
    sent = await asyncio.to_thread(replay, **json.loads(body))
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(sent).encode()})


def replay(since: float, sequence: list[tuple[float, int, int, int, int]]) -> int:
    """Send each event at its time after `since`, and return how many were sent before the loop was OVERDUE."""
    for sent, (offset, user, _, size, number) in enumerate(sequence):
        late = time.time() - since - offset
        if late > OVERDUE:
            return sent
        time.sleep(max(-late, 0.0))
        send_event(f"user-{user}", "completed", {"number": number, "job": "x" * (size - AROUND)})
    return len(sequence)
