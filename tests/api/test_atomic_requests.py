"""A host that has ATOMIC_REQUESTS: the API commits step by step all the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection
from rest_framework.test import APIClient

from tests.kit.queue import make_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def atomic_requests() -> Iterator[None]:
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    yield
    connection.settings_dict["ATOMIC_REQUESTS"] = False


def test_a_job_has_its_place_when_it_is_answered_and_may_be_cancelled_and_retried() -> None:
    api = APIClient()
    api.force_authenticate(make_user("ada"))
    answer = api.post("/api/v1/jobs/", {"job_id": "a", "duration": 1}, format="json")
    assert (answer.status_code, answer.json()["position"]) == (201, 1)
    assert api.delete("/api/v1/jobs/a/").status_code == 200
    assert api.post("/api/v1/jobs/a/retry/").status_code == 200
    assert api.post("/api/v1/jobs/", {"job_id": "a", "duration": 2}, format="json").status_code == 409
    assert api.get("/api/v1/jobs/a/").json()["status"] == "queued"
