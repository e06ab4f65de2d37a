"""What the schema cannot tell schemathesis: which task takes which payload, and which files there are. It loads this by
SCHEMATHESIS_HOOKS."""

from __future__ import annotations

from typing import Any

import schemathesis

TASKS = {"wait", "checksum", "fail"}
"""Those that may run with any payload: others of tests/tasks.py take memory and processes as they are told."""


@schemathesis.hook
def before_load_schema(context: Any, raw_schema: dict[str, Any]) -> None:
    """A submission is of one task, with its payload. The paths that `checksum` takes are those below its folder."""
    submission = raw_schema["components"]["schemas"]["Submission"]
    payloads, default = submission["x-payloads"], submission["properties"]["task"]["default"]
    payloads["checksum"]["properties"]["path"] = {"enum": ["hello.txt"]}
    submission["anyOf"] = [
        {
            "properties": {"task": {"enum": [name]}, "payload": payload},
            "required": ["task"] * (name != default) + ["payload"] * bool(payload.get("required")),
        }
        for name, payload in payloads.items()
        if name in TASKS
    ]
