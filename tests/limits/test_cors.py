"""Pages of other origins: off unless they are named, for the API only, and never with cookies."""

from __future__ import annotations

import httpx
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from pytest_django import Settings

from jobsite import env
from tests.kit.clients import new_user
from tests.kit.keys import bearer, new_key
from tests.kit.queue import make_user
from tests.kit.site import Site

BOARD = "https://board.example.org"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}


@pytest.fixture
def named(settings: Settings) -> None:
    """A site that names one origin."""
    settings.CORS_ALLOWED_ORIGINS = [BOARD]
    settings.MIDDLEWARE = [
        settings.MIDDLEWARE[0], "corsheaders.middleware.CorsMiddleware", *settings.MIDDLEWARE[1:],
    ]  # fmt: skip


def allowed(answer: object) -> dict[str, str]:
    """The headers of an answer that let pages of other origins in."""
    headers: dict[str, str] = {name.lower(): value for name, value in answer.headers.items()}  # type: ignore[attr-defined]
    return {name: value for name, value in headers.items() if name.startswith("access-control-")}


@pytest.mark.django_db
@pytest.mark.usefixtures("named")
def test_pages_of_a_named_origin_use_the_api_with_a_key() -> None:
    before = Client(headers={"Origin": BOARD}).options("/api/v1/jobs/", headers=PREFLIGHT)
    assert before.status_code == 200
    told = allowed(before)
    assert told["access-control-allow-origin"] == BOARD
    assert {"authorization", "content-type", "last-event-id"} <= set(told["access-control-allow-headers"].split(", "))
    assert "DELETE" in told["access-control-allow-methods"]
    key = new_key(make_user("ada"), "read")
    for path, status in (("queue/", 200), ("jobs/nobodys/", 404), ("fleet/", 403), ("events/", 501)):  # of WSGI
        answer = Client(headers={"Origin": BOARD, **bearer(key)}).get(f"/api/v1/{path}")
        assert (answer.status_code, allowed(answer)["access-control-allow-origin"]) == (status, BOARD)
        assert "Retry-After" in allowed(answer)["access-control-expose-headers"]
        assert "access-control-allow-credentials" not in allowed(answer)
        assert "origin" in answer["Vary"].lower()
    refused = Client(headers={"Origin": BOARD}).get("/api/v1/queue/")
    assert (refused.status_code, allowed(refused)["access-control-allow-origin"]) == (401, BOARD)


@pytest.mark.django_db
@pytest.mark.usefixtures("named")
@pytest.mark.parametrize("origin", ["https://board.example.org.evil.org", "http://board.example.org", "null", "*", ""])
def test_pages_of_others_are_let_in_nowhere(origin: str) -> None:
    client = Client(headers={"Origin": origin})
    assert "access-control-allow-origin" not in allowed(client.options("/api/v1/jobs/", headers=PREFLIGHT))
    assert not allowed(client.get("/api/v1/schema/"))


@pytest.mark.django_db
@pytest.mark.usefixtures("named")
def test_the_pages_of_the_site_are_no_part_of_it() -> None:
    for path in ("/login/", "/keys/", "/admin/", "/healthz"):
        assert not allowed(Client(headers={"Origin": BOARD}).get(path))


def test_without_the_setting_nobody_is_let_in_and_streams_are_sent_all_the_same(site: Site) -> None:
    headers = {"Origin": BOARD, **bearer(site.key(new_user(site), "read"))}
    with httpx.stream("GET", f"{site.url}/api/v1/events/", headers=headers) as answer:
        assert (answer.status_code, allowed(answer)) == (200, {})
        assert "event: queue" in next(text for text in answer.iter_text() if "event:" in text)
    assert not allowed(httpx.options(f"{site.url}/api/v1/jobs/", headers={**headers, **PREFLIGHT}))


@pytest.mark.parametrize(
    "wrong", ["*", "board.example.org", f"{BOARD}/", f"{BOARD} https://x.org", "null", "https://*.x.org"]
)
def test_a_setting_that_names_no_origin_stops_the_start(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORS_ALLOWED_ORIGINS", f"http://[::1]:8000, {wrong}")
    with pytest.raises(ImproperlyConfigured, match="CORS_ALLOWED_ORIGINS"):
        env.origins("CORS_ALLOWED_ORIGINS")
    monkeypatch.setenv("CORS_ALLOWED_ORIGINS", f"{BOARD}, http://127.0.0.1:5173,")
    assert env.origins("CORS_ALLOWED_ORIGINS") == [BOARD, "http://127.0.0.1:5173"]
