"""The event stream in the OpenAPI schema: it is not a REST view, so it is described here by hand."""

from __future__ import annotations

from typing import Any

_EVENTS = {
    "get": {
        "operationId": "events",
        "summary": "Follow my queue live",
        "description": (
            "Server-sent events, with the same token or session as everywhere. `queue`: the whole queue, as in "
            "GET queue/, at first and whenever it changed. `progress`: {time, jobs: [{job_id, progress, message, "
            "time_spent}]}, at least once a second while a job of yours runs. `completed`: a job that ended; its id "
            "goes into Last-Event-ID when you reconnect, and every completion that you missed is sent."
        ),
        "parameters": [
            {
                "in": "header",
                "name": "Last-Event-ID",
                "schema": {"type": "integer", "minimum": 0},
                "description": "The id of the last `completed` event that you saw.",
            }
        ],
        "responses": {
            "200": {
                "description": "The stream.",
                "content": {"text/event-stream": {"schema": {"type": "string"}}},
            },
            "401": {
                "description": "An error, as problem details.",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            },
        },
        "security": [{"jwtAuth": []}, {"cookieAuth": []}],
        "tags": ["events"],
    }
}


def add_event_stream(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """The schema with the stream in it; a postprocessing hook of drf-spectacular."""
    result["paths"]["/api/v1/events/"] = _EVENTS
    return result
