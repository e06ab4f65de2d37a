"""Adds to the OpenAPI schema what views do not say: the event stream, refusals, the payloads of tasks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from django.urls import reverse
from drf_spectacular.openapi import AutoSchema
from pydantic import TypeAdapter
from pydantic.errors import PydanticUserError

from ..conf import queue_settings
from ..http.addresses import api_root, is_below
from ..lifecycle.validation import RESERVED
from ..models.api_key import Scope
from ..registry import find_task, task_names
from ..snapshots import shapes
from .authentication import KeyScheme

SETTINGS: dict[str, Any] = {
    "TITLE": "Turnabout",
    "DESCRIPTION": "Submit jobs, see them run in fair turns, and hear the moment one is done.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",  # the shapes are JSON Schema, which 3.0 has only some of
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    # A link within the button that opens an operation cannot be reached by every screen reader.
    "SWAGGER_UI_SETTINGS": {"deepLinking": False, "syntaxHighlight": False},
    "PREPROCESSING_HOOKS": ["queueapp.api.openapi.ours"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "queueapp.api.openapi.complete",
    ],
}
"""drf-spectacular's settings for the schema of the queue."""

PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
RETRY_AFTER = {"Retry-After": {"schema": {"type": "integer", "minimum": 1}, "description": "Seconds."}}
COMMON_REFUSALS = {
    "400": "The request makes no sense.",
    "401": "No valid key, token or session came along.",
    "403": "You may not do this.",
    "406": "No other media type than JSON is given out.",
    "429": "Too much at once; try again after the seconds in Retry-After.",
    "503": "The site is busy, or its database away; try again after the seconds in Retry-After.",
}
BODY_REFUSALS = {"413": "The body is too large.", "415": "No other media type than JSON is taken."}
MAX_EVENT_ID = 999_999_999_999_999_999
"""The greatest id of an event: 18 digits."""

LINKS = {
    title: {"operationId": operation, "parameters": {"path.job_id": "$response.body#/job_id"}}
    for title, operation in (("look", "jobs_retrieve"), ("cancel", "jobs_cancel"), ("try again", "jobs_try_again"))
}

_EVENTS: dict[str, Any] = {
    "get": {
        "operationId": "events",
        "summary": "Follow my queue live",
        "description": (
            "Server-sent events, with the same key, token or session as everywhere. `queue`: the whole queue, as in "
            "GET queue/ (Queue), at first and whenever your jobs changed. `estimates`: what others' jobs change of it "
            "(Estimates), once a second while you have jobs. `progress`: how far your jobs are (Progress), at least "
            "once a second while one of them runs. `completed`: a job that ended (Job); its id goes into "
            "Last-Event-ID when you reconnect, and every completion that you missed is sent. `reset`, instead of the "
            "first `queue`: there is no completion with Last-Event-ID, as it was pruned or the database was restored; "
            "some that you have not seen may be gone. Go on from the id that comes with it. The stream ends with the "
            "key, token or session; come back with a new one."
        ),
        "parameters": [
            {
                "in": "header",
                "name": "Last-Event-ID",
                "schema": {"type": "integer", "minimum": 0, "maximum": MAX_EVENT_ID},
                "description": "The id of the last `completed` event that you saw.",
            }
        ],
        "responses": {
            "200": {
                "description": "The stream.",
                "content": {"text/event-stream": {"schema": {"type": "string"}}},
            },
        },
        "tags": ["events"],
    }
}


def ours(endpoints: list[tuple[str, Any, str, Any]]) -> list[tuple[str, Any, str, Any]]:
    """Return the endpoints below the API's root, of all that the project has. Preprocessing hook of drf-spectacular.

    A view of the project may be there, too, such as simplejwt's. It is left out unless drf-spectacular can describe it.
    """
    return [
        (path, regex, method, view)
        for path, regex, method, view in endpoints
        if is_below(path, api_root()) and isinstance(view.cls.schema, AutoSchema)
    ]


def complete(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Return the completed schema. Postprocessing hook of drf-spectacular."""
    result["paths"][reverse("queueapp:events")] = _events(result["components"].get("securitySchemes", {}))
    for shape in (shapes.Progress, shapes.Estimates):  # of events, which no other address answers with
        schema = TypeAdapter(shape).json_schema(ref_template="#/components/schemas/{model}")
        result["components"]["schemas"] |= schema.pop("$defs") | {shape.__name__: schema}
    for operations in result["paths"].values():
        for operation in operations.values():
            _tell_refusals(operation)
    for status in ("200", "201"):
        result["paths"][reverse("queueapp:jobs")]["post"]["responses"][status]["links"] = LINKS
    for name in ("cancel", "retry"):  # the generator takes a body without required fields for one that may be left out
        result["paths"][reverse(f"queueapp:jobs-{name}")]["post"]["requestBody"]["required"] = True
    for shape in result["components"]["schemas"].values():
        for field in shape.get("properties", {}).values():
            if field.get("default", ...) is None:  # as good as left out; TypeScript would want it always
                del field["default"]
    _tell_tasks(result["components"]["schemas"]["Submission"])
    result["components"]["schemas"]["BulkSubmission"]["additionalProperties"] = False
    return result


def _events(schemes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the operation of the event stream, which takes the same credentials (`schemes`) as the API."""
    events = deepcopy(_EVENTS)
    others: list[dict[str, list[str]]] = [
        {name: []} for name in sorted(schemes, reverse=True) if name != KeyScheme.name
    ]
    events["get"]["security"] = [{KeyScheme.name: [Scope.READ.value]}, *others]
    return events


def _tell_refusals(operation: dict[str, Any]) -> None:
    """Add every error status of an operation, with problem details as its body."""
    responses = operation["responses"]
    for status, words in (COMMON_REFUSALS | (BODY_REFUSALS if "requestBody" in operation else {})).items():
        responses.setdefault(status, {"description": words})
    for status, response in responses.items():
        if status >= "400":
            response["content"] = PROBLEM
    for status in ("429", "503"):
        responses[status]["headers"] = RETRY_AFTER


def _tell_tasks(submission: dict[str, Any]) -> None:
    """Add which submissions are accepted: names of jobs, and the payload of each task.

    Payloads are an extension: where a shape has `anyOf` beside its properties, generators of clients lose the latter.
    """
    properties = submission["properties"]
    properties["job_id"]["not"] = {"enum": sorted(RESERVED)}
    properties["duration"]["maximum"] = queue_settings().MAX_DURATION_SECONDS
    properties["task"]["description"] += f" Here: {', '.join(task_names())}."
    submission["x-payloads"] = dict(_payloads())


def _payloads() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each task's name and the JSON Schema of its payload."""
    for name in task_names():
        task = find_task(name)
        assert task is not None, "task_names() names registered tasks"
        try:
            payload = task.payload.json_schema()
        except PydanticUserError:  # an argument of a type that JSON has no word for
            payload = {"type": "object"}
        yield name, payload
