"""Hooks for schemathesis with facts that the schema lacks: payloads of tasks, files that exist, and how long it waits.

The environment variable SCHEMATHESIS_HOOKS names this module.
"""

from __future__ import annotations

import json
from typing import Any

import schemathesis

TASKS = {"wait", "checksum", "fail"}
"""Tasks that may run with any payload. Others of tests/tasks.py take memory and processes as the payload says."""


@schemathesis.hook
def before_load_schema(context: Any, raw_schema: dict[str, Any]) -> None:
    """Tell which names and ends of keys, and which addresses of webhooks, are taken. Leave marks out of job ids: those
    made up are not all assigned.

    Tie each task to its payload in the schema of a submission. `checksum` gets only the path of an existing file.
    """
    raw_schema |= json.loads(json.dumps(raw_schema).replace(r"\\p{M}{0,4}", ""))
    key = raw_schema["components"]["schemas"]["NewKey"]["properties"]
    key["name"]["pattern"] = "^[!-~]+$"
    key["expires_at"] = {"enum": [None, "2100-01-01T00:00:00Z"]}
    addresses = ["https://hook.invalid/a", "https://hook.invalid:8443/b?c"]
    for name, values in (("NewWebhook", addresses), ("PatchedWebhookChange", [None, *addresses])):
        raw_schema["components"]["schemas"][name]["properties"]["url"] = {"enum": values}
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


@schemathesis.hook
def map_query(context: Any, query: dict[str, Any] | None) -> dict[str, Any] | None:
    """Wait a second where the query has a longer wait: schemathesis gives up after ten. What is no wait stays so."""
    if query and str(query.get("wait", "")) in {str(seconds) for seconds in range(2, 61)}:
        return {**query, "wait": 1}
    return query
