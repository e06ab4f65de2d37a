"""Hooks for schemathesis with facts that the schema lacks: the payload of each task, and the files that exist.

The environment variable SCHEMATHESIS_HOOKS names this module.
"""

from __future__ import annotations

from typing import Any

import schemathesis

TASKS = {"wait", "checksum", "fail"}
"""Tasks that may run with any payload. Others of tests/tasks.py take memory and processes as the payload says."""


@schemathesis.hook
def before_load_schema(context: Any, raw_schema: dict[str, Any]) -> None:
    """Tell which names and ends of keys are taken.

    Tie each task to its payload in the schema of a submission. `checksum` gets only the path of an existing file.
    """
    key = raw_schema["components"]["schemas"]["NewKey"]["properties"]
    key["name"]["pattern"] = "^[!-~]+$"
    key["expires_at"] = {"enum": [None, "2100-01-01T00:00:00Z"]}
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
