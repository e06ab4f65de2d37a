"""Access to streams where sessions or tokens are not those of the site."""

from __future__ import annotations

import base64
import time
from importlib import import_module
from typing import Any

import pytest
from django.test import RequestFactory

from queueapp.events import access, views
from queueapp.events.access import StreamAccess
from tests.kit.queue import make_owner, make_user, user_of
from tests.kit.site import PASSWORD

pytestmark = pytest.mark.django_db
ENGINES = "django.contrib.sessions.backends."


@pytest.mark.parametrize("engine", ["db", "cached_db", "cache", "file"])
def test_a_stream_ends_with_its_session_wherever_sessions_are_kept(settings: Any, tmp_path: Any, engine: str) -> None:
    settings.SESSION_ENGINE, settings.SESSION_FILE_PATH = ENGINES + engine, str(tmp_path)
    ada = make_owner("ada")
    session = import_module(ENGINES + engine).SessionStore()
    session.create()
    opened = StreamAccess(ada.pk, ada.user_id, user_of(ada).password, session=session.session_key)
    assert access.revoked([opened]) == set()
    session.delete()
    assert access.revoked([opened]) == {opened}


def test_a_stream_of_a_session_in_a_cookie_ends_with_the_password(settings: Any) -> None:
    settings.SESSION_ENGINE = f"{ENGINES}signed_cookies"
    ada = make_owner("ada")
    opened = StreamAccess(ada.pk, ada.user_id, user_of(ada).password, session="a-signed-cookie")
    assert access.revoked([opened]) == set()
    user_of(ada).set_password("another")
    user_of(ada).save()
    assert access.revoked([opened]) == {opened}


def test_a_token_that_does_not_say_how_long_it_is_good_opens_a_stream_for_a_while(settings: Any) -> None:
    settings.REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.BasicAuthentication"]}
    ada = make_user("ada")
    known = base64.b64encode(f"ada:{PASSWORD}".encode()).decode()
    stream, wait = views._admit(RequestFactory().get("/", headers={"Authorization": f"Basic {known}"}), None)
    assert stream is not None
    assert not wait
    assert stream.access.user == ada.pk
    assert 0 < float(stream.access.expires_at or 0) - time.time() <= views.UNKNOWN_TOKEN_SECONDS
