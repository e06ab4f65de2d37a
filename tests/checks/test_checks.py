"""The system checks: each says what is wrong and how to mend it, and says nothing of a right project."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest
from django.core.checks import CheckMessage
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.urls import include, path
from psycopg import IsolationLevel

from queueapp.checks.database import check_database
from queueapp.checks.web import MIDDLEWARE, check_web
from queueapp.conf import queue_settings


def found() -> dict[str, CheckMessage]:
    """Return what the checks say, by id. All have a hint."""
    said = [*check_database(), *check_web()]
    assert all(one.hint and one.id for one in said)
    return {str(one.id): one for one in said}


def without(names: list[str], *left_out: str) -> list[str]:
    assert set(left_out) <= set(names)
    return [name for name in names if name not in left_out]


def urls(*patterns: Any) -> ModuleType:
    """Return a ROOT_URLCONF with these patterns."""
    module = ModuleType("urls")
    module.__dict__["urlpatterns"] = list(patterns)
    return module


def test_nothing_is_said_of_a_right_project() -> None:
    assert found() == {}


def test_another_database_than_postgresql(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "vendor", "sqlite")
    assert "Set DATABASES['default']" in str(found()["queueapp.E001"].hint)


def test_no_django_q2(settings: Any) -> None:
    settings.INSTALLED_APPS = without(settings.INSTALLED_APPS, "django_q")
    assert "Add 'django_q' to INSTALLED_APPS" in str(found()["queueapp.E002"].hint)


@pytest.mark.parametrize(
    ("router", "words"),
    [("Elsewhere", "queueapp.Job is routed to 'other'"), ("KeptOut", "is kept out of 'default'")],
)
def test_a_router_that_puts_the_queue_elsewhere(settings: Any, router: str, words: str) -> None:
    settings.DATABASE_ROUTERS = [f"tests.checks.routers.{router}"]
    said = found()["queueapp.E003"]
    assert words in said.msg
    assert "return None for the application 'queueapp'" in str(said.hint)


def test_another_isolation_level(monkeypatch: pytest.MonkeyPatch) -> None:
    options = connection.settings_dict["OPTIONS"]
    monkeypatch.setitem(options, "isolation_level", IsolationLevel.READ_COMMITTED)
    assert found() == {}
    monkeypatch.setitem(options, "isolation_level", IsolationLevel.SERIALIZABLE)
    assert "Remove isolation_level" in str(found()["queueapp.E004"].hint)


def test_moments_without_a_time_zone(settings: Any) -> None:
    settings.USE_TZ = False
    assert found()["queueapp.E005"].hint == "Set USE_TZ = True."


def test_addresses_inside_another_namespace(settings: Any) -> None:
    inner = include(([path("", include("queueapp.urls"))], "shop"))
    settings.ROOT_URLCONF = urls(path("shop/", inner))
    assert "'shop:queueapp'" in found()["queueapp.E006"].msg
    settings.ROOT_URLCONF = urls(path("a/", include("queueapp.urls")), path("b/", include("queueapp.urls")))
    assert "must be once" in found()["queueapp.E006"].msg


def test_addresses_without_rest_framework(settings: Any) -> None:
    settings.INSTALLED_APPS = without(settings.INSTALLED_APPS, "rest_framework")
    assert "Add 'rest_framework' to INSTALLED_APPS" in str(found()["queueapp.E007"].hint)


def test_addresses_without_the_other_packages_of_the_api(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "drf_spectacular", None)
    assert "turnabout[api]" in str(found()["queueapp.E007"].hint)
    settings.QUEUEAPP = settings.QUEUEAPP | {"METRICS_TOKEN": "a-token-of-twenty-characters"}
    assert found() == {}, "the metrics are reason enough to include them"


def test_a_project_that_includes_no_addresses_needs_nothing_for_them(settings: Any) -> None:
    settings.INSTALLED_APPS = without(settings.INSTALLED_APPS, "rest_framework", "queueapp.limits")
    settings.ROOT_URLCONF = urls()
    settings.MIDDLEWARE = []
    assert found() == {}


def test_metrics_without_their_package(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.QUEUEAPP = settings.QUEUEAPP | {"METRICS_TOKEN": "a-token-of-twenty-characters"}
    assert found() == {}
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    assert "turnabout[metrics]" in str(found()["queueapp.E010"].hint)


def test_no_rate_limits(settings: Any) -> None:
    settings.INSTALLED_APPS = without(settings.INSTALLED_APPS, "queueapp.limits")
    assert "Add 'queueapp.limits'" in str(found()["queueapp.W001"].hint)


@pytest.mark.parametrize("missing", MIDDLEWARE)
def test_middleware_that_the_page_needs(settings: Any, missing: str) -> None:
    settings.MIDDLEWARE = [name for name in MIDDLEWARE if name != missing]
    assert f"Add {missing!r} to MIDDLEWARE" in str(found()["queueapp.E008"].hint)
    settings.QUEUEAPP = settings.QUEUEAPP | {"PAGE": False}
    assert found() == {}


def test_templates_that_are_not_found(settings: Any) -> None:
    settings.TEMPLATES = [settings.TEMPLATES[0] | {"APP_DIRS": False}]
    assert "'APP_DIRS': True" in str(found()["queueapp.E009"].hint)
    settings.QUEUEAPP = settings.QUEUEAPP | {"PAGE": False}
    assert found() == {}


@pytest.mark.parametrize("url", ["/accounts/login/", "no-such-name"])
def test_a_log_in_that_leads_nowhere(settings: Any, url: str) -> None:
    settings.LOGIN_URL = url
    assert repr(url) in found()["queueapp.W002"].msg
    settings.LOGIN_URL = "https://sso.example.org/"
    assert found() == {}


def test_an_asgi_application_that_is_not_wrapped(settings: Any) -> None:
    settings.ASGI_APPLICATION = "jobsite.wsgi.application"
    assert "go through all of Django" in found()["queueapp.W003"].msg
    settings.ASGI_APPLICATION = "nowhere.asgi.application"
    assert "There is no nowhere.asgi" in found()["queueapp.W003"].msg


def test_a_setting_of_another_name_stops_the_start_with_the_one_that_may_be_meant(settings: Any) -> None:
    settings.QUEUEAPP = {"LEASE_SECOND": 5}
    with pytest.raises(ImproperlyConfigured, match=r"Remove LEASE_SECOND .* LEASE_SECONDS"):
        queue_settings()
