"""The API in a project with Django's own middleware and its own defaults of REST framework."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from django.test import Client
from rest_framework.settings import api_settings

from queueapp.http.authentication import authentication_classes
from tests.kit.queue import everyone_takes_turns, make_user
from tests.kit.site import PASSWORD

pytestmark = pytest.mark.django_db
JOBS = "/api/v1/jobs/"


@pytest.fixture
def client(settings: Any) -> Client:
    """The browser of a user who has logged in, where nothing of the queue's is in MIDDLEWARE."""
    settings.MIDDLEWARE = [
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ]
    everyone_takes_turns()
    browser = Client()
    browser.force_login(make_user("ada"))
    return browser


@pytest.fixture
def basic(settings: Any) -> dict[str, str]:
    """The header of a user whose project has chosen HTTP's basic authentication."""
    settings.REST_FRAMEWORK = {
        "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.BasicAuthentication"],
        "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.FormParser"],
        "DEFAULT_VERSIONING_CLASS": "rest_framework.versioning.AcceptHeaderVersioning",
    }
    return {"Authorization": "Basic " + base64.b64encode(f"ada:{PASSWORD}".encode()).decode()}


def submit(client: Client, body: Any, **headers: str) -> Any:
    return client.post(JOBS, body, content_type="application/json", headers=headers)


def test_no_cache_keeps_an_answer(client: Client) -> None:
    assert client.get(JOBS)["Cache-Control"] == "no-store"


@pytest.mark.parametrize("address", [f"{JOBS}a%00b/", f"{JOBS}?task=a%00b", f"{JOBS}a/?user=%00"])
def test_a_nul_character_is_refused_by_name(client: Client, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 400
    assert [error["message"] for error in answer.json()["errors"]] == ["must not have a NUL character"]


def test_a_body_that_is_too_large_is_refused(client: Client, settings: Any) -> None:
    settings.QUEUEAPP = settings.QUEUEAPP | {"MAX_BODY_BYTES": 100}
    answer = submit(client, {"job_id": "a", "duration": 1, "payload": {"text": "x" * 100}})
    assert (answer.status_code, answer["Content-Type"]) == (413, "application/problem+json")
    assert submit(client, {"job_id": "a", "duration": 1}).status_code == 201


def test_the_projects_own_authentication_is_asked_first_and_sessions_still_count(
    client: Client, basic: dict[str, str]
) -> None:
    assert [one.__name__ for one in authentication_classes()] == ["BasicAuthentication", "SessionAuthentication"]
    assert api_settings.DEFAULT_VERSIONING_CLASS is not None, "the project's defaults are in force"
    assert submit(Client(), {"job_id": "a", "duration": 1}, **basic).status_code == 201
    assert client.get(f"{JOBS}a/").json()["user"] == "ada"
    refused = Client().get(JOBS)
    assert (refused.status_code, refused["WWW-Authenticate"]) == (401, 'Basic realm="api"')
