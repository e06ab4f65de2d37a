"""The console in a project that has neither REST framework nor an admin."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.contrib.auth.views import LoginView
from django.test import Client
from django.urls import include, path

from queueapp import urls
from queueapp.models import Pause
from queueapp.staff import kept
from tests.kit.queue import make_owner, make_user

LEFT_OUT = {"rest_framework", "drf_spectacular", "drf_spectacular_sidecar", "django.contrib.admin"}
PAGES = ("", "failures/", "processors/", "flows/", "decisions/", "database/", "act/pause/", "act/retry/", "look/")


@pytest.fixture
def plain(settings: Any) -> Iterator[None]:
    """Such a project, with the queue at q/."""
    settings.INSTALLED_APPS = [name for name in settings.INSTALLED_APPS if name not in LEFT_OUT]
    importlib.reload(urls)
    root: Any = ModuleType("plain")
    root.urlpatterns = [path("login/", LoginView.as_view(), name="login"), path("q/", include(urls))]
    settings.ROOT_URLCONF = root
    kept.forget()
    yield
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, *LEFT_OUT]
    importlib.reload(urls)


@pytest.mark.django_db
@pytest.mark.usefixtures("plain")
def test_all_pages_work_and_the_log_has_what_staff_did(caplog: pytest.LogCaptureFixture) -> None:
    make_owner("ada")
    boss = make_user("boss", is_staff=True)
    boss.user_permissions.set(Permission.objects.filter(codename="operate"))
    client = Client()
    client.force_login(boss)
    assert client.get("/q/").status_code == 404
    for page in PAGES:
        assert client.get(f"/q/staff/{page}").status_code == 200, page
    with caplog.at_level(logging.INFO):
        client.post("/q/staff/act/pause/", {"user": "ada", "reason": "a fire"})
        looked = client.post("/q/staff/look/", {"user": "ada", "reason": "ticket 7"})
    assert Pause.objects.get().reason == "a fire"
    assert looked.headers["Location"] == "/q/staff/", "there are no pages of users"
    assert "boss: Paused in the console: a fire" in caplog.text
    assert "ticket 7" in caplog.text
