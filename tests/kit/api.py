"""The API, as a program asks it."""

from __future__ import annotations

from typing import Any

from rest_framework.test import APIClient

JOB_FIELDS = {
    "job_id", "user", "key", "task", "duration", "payload", "status", "position", "progress", "message", "time_spent",
    "attempt", "submitted_at", "started_at", "finished_at", "result", "error", "attempts", "stopping", "time_limit",
    "run_at", "payload_omitted", "result_omitted", "memory_limit",
}  # fmt: skip
"""The fields of a job."""


def client_of(user: Any) -> APIClient:
    """A client with a token, got as any program gets it."""
    client = APIClient()
    answer = client.post(
        "/api/v1/token/", {user.USERNAME_FIELD: user.get_username(), "password": "turnabout-test"}, format="json"
    )
    assert answer.status_code == 200
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {answer.json()['access']}")
    return client


def submit(api: APIClient, **fields: Any) -> Any:
    return api.post("/api/v1/jobs/", {"job_id": "j1", "duration": 1.5} | fields, format="json")


def assert_problem(answer: Any, status: int, *fields: str) -> Any:
    """That the answer is a problem of this status about these fields; its body."""
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    assert [error["field"] for error in body.get("errors", [])] == list(fields)
    return body
