"""What a real site starts with, what it tells browsers, who gets in and how long that lasts. docs/security.md."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from axes.models import AccessAttempt
from django.contrib.auth.hashers import MD5PasswordHasher
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser
from pytest_django import Settings
from rest_framework.test import APIClient
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken
from rest_framework_simplejwt.tokens import AccessToken
from rest_framework_simplejwt.utils import get_md5_hash_password

from jobsite.accounts.models import User
from queueapp.events import access
from tests.kit.api import assert_problem, client_of
from tests.kit.keys import bearer, new_key
from tests.kit.pages import fill_log_in
from tests.kit.queue import make_user
from tests.kit.site import BASE, PASSWORD, Site

LOGIN = {"username": "ada", "password": PASSWORD}
WRONG = LOGIN | {"password": "wrong"}
REAL = {
    "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "DATABASE_URL": "postgresql://queue:secret@db.example.org/queue",
    "ALLOWED_HOSTS": "queue.example.org",
}
LOOK = """
import json, django
django.setup()
from django.test import Client
answer = Client().get("/login/", secure={secure}, headers={{"host": "queue.example.org"}})
print(json.dumps([answer.status_code, dict(answer.headers), answer.cookies.output()]))
"""


class TestStart:
    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *command], cwd=BASE, capture_output=True, text=True, timeout=60,
            env={"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "jobsite.settings"} | environment,
        )  # fmt: skip

    @pytest.mark.parametrize("missing", REAL)
    @pytest.mark.parametrize("command", [("manage.py", "check"), ("-c", "import jobsite.asgi")])
    def test_nothing_is_made_up_on_a_real_site(self, missing: str, command: tuple[str, ...]) -> None:
        done = self.run(*command, **{name: value for name, value in REAL.items() if name != missing})
        assert done.returncode != 0
        assert f"Set {missing}: " in done.stderr
        assert done.stderr.count("\n") == 1, "one sentence"

    @pytest.mark.parametrize("key", ["short", "ab" * 40])
    def test_a_secret_key_is_not_easily_guessed(self, key: str) -> None:
        done = self.run("manage.py", "check", **REAL | {"SECRET_KEY": key})
        assert "Set SECRET_KEY to at least 50 random characters" in done.stderr

    def test_djangos_own_checks_find_nothing(self) -> None:
        done = self.run("manage.py", "check", "--deploy", "--fail-level", "WARNING", **REAL)
        assert done.returncode == 0, done.stderr
        assert "no issues" in done.stdout

    def test_browsers_come_by_tls_only(self) -> None:
        status, headers, cookies = json.loads(self.run("-c", LOOK.format(secure=True), **REAL).stdout)
        assert status == 200
        assert headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
        assert "Secure" in cookies
        status, headers, _ = json.loads(self.run("-c", LOOK.format(secure=False), **REAL).stdout)
        assert (status, headers["Location"]) == (301, "https://queue.example.org/login/")

    def test_on_a_machine_of_ones_own_there_is_no_tls(self) -> None:
        status, headers, cookies = json.loads(self.run("-c", LOOK.format(secure=False), HTTPS="no", **REAL).stdout)
        assert status == 200
        assert "Strict-Transport-Security" not in headers
        assert "Secure" not in cookies


class TestHeaders:
    @pytest.mark.parametrize(
        "path", ["/login/", "/admin/login/", "/api/v1/docs/", "/api/v1/queue/", "/nowhere/", "/static/queueapp/app.js"]
    )
    @pytest.mark.django_db
    def test_every_answer_has_them(self, client: Client, path: str) -> None:
        headers = client.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "camera=()" in headers["Permissions-Policy"]
        assert "Access-Control-Allow-Origin" not in headers

    @pytest.mark.django_db
    def test_the_api_is_not_kept_by_caches(self) -> None:
        assert client_of(make_user("ada")).get("/api/v1/queue/")["Cache-Control"] == "no-store"

    @pytest.mark.django_db
    def test_cookies(self, client: Client) -> None:
        make_user("ada")
        client.post("/login/", LOGIN)
        session, csrf = client.cookies["sessionid"], client.cookies["csrftoken"]
        assert (session["httponly"], session["samesite"]) == (True, "Lax")
        assert (csrf["httponly"], csrf["samesite"]) == ("", "Lax"), "the page's scripts send it"

    def test_an_unknown_host(self, site: Site) -> None:
        answer = httpx.get(f"{site.url}/api/v1/queue/", headers={"host": "elsewhere.example.org"})
        assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")


@pytest.mark.browser
def test_no_page_breaks_the_policy(site: Site, browser: Browser) -> None:
    name, password = site.user("yve", staff=True)
    with site.client("yve") as client:
        client.post("jobs/", json={"job_id": "seen", "duration": 0.01}).raise_for_status()
    page = browser.new_page()
    broken: list[str] = []
    page.on("console", lambda message: broken.append(message.text) if "Content Security" in message.text else None)
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.goto(f"{site.url}/login/")
    fill_log_in(page, name, password)
    page.wait_for_selector('[data-state="live"]')
    admin = ("", "queueapp/priorityrule/", "queueapp/priorityrule/add/", "queueapp/job/", "queueapp/flow/", "axes/")
    for path in ("/nowhere/", *[f"/admin/{part}" for part in (*admin, "queueapp/user/add/", "auth/group/add/")]):
        page.goto(site.url + path)
        assert page.title()
    page.goto(f"{site.url}/api/v1/docs/")
    page.locator(".opblock").first.wait_for()
    page.close()
    assert not broken


@pytest.mark.browser
def test_the_page_of_a_user_who_is_deactivated_says_so(site: Site, browser: Browser) -> None:
    name, password = site.user("zoe")
    page = browser.new_page()
    page.goto(site.url)
    fill_log_in(page, name, password)
    page.wait_for_selector('[data-state="live"]')
    site.query("UPDATE accounts_user SET is_active = false WHERE username = %s", name)
    page.wait_for_selector('[data-state="ended"]')
    page.close()


def knock(client: Client, path: str, fields: dict[str, str]) -> Any:
    """Try a password at one of the doors, in the manner that it has."""
    return client.post(path, fields, content_type="application/json") if "/api/" in path else client.post(path, fields)


@pytest.mark.django_db
class TestLockout:
    """Five failures for one name from one address."""

    @pytest.fixture(autouse=True)
    def ada(self) -> Any:
        return make_user("ada")

    def token(self, address: str = "10.0.0.1", **fields: str) -> Any:
        return APIClient(REMOTE_ADDR=address).post("/api/v1/token/", WRONG | fields, format="json")

    @pytest.mark.parametrize("name", ["ada", "nobody", "x" * 5_000])
    def test_tokens(self, name: str) -> None:
        assert [self.token(username=name).status_code for _ in range(5)] == [401] * 4 + [429]
        shut = self.token(username=name, password=PASSWORD)
        assert 880 < int(shut["Retry-After"]) <= 900
        said = assert_problem(shut, 429)["detail"]
        assert said == "Too many attempts with this user name. It can be tried again in 15 minutes."

    @pytest.mark.parametrize("path", ["/login/", "/admin/login/"])
    @pytest.mark.parametrize("name", ["ada", "nobody"])
    def test_pages(self, client: Client, path: str, name: str) -> None:
        for _ in range(5):
            answer = client.post(path, WRONG | {"username": name})
        assert answer.status_code == 429
        answer = client.post(path, LOGIN | {"username": name})
        assert answer.status_code == 429
        assert 880 < int(answer["Retry-After"]) <= 900
        assert "Too many attempts with this user name." in answer.content.decode()
        assert "_auth_user_id" not in client.session

    def test_the_doors_count_together(self, client: Client) -> None:
        for path in ("/login/", "/admin/login/"):
            client.post(path, WRONG, REMOTE_ADDR="10.0.0.1")
            client.post(path, WRONG, REMOTE_ADDR="10.0.0.1")
        assert self.token().status_code == 429

    def test_elsewhere_the_owner_still_gets_in(self) -> None:
        for _ in range(5):
            self.token()
        assert self.token("10.0.0.2", password=PASSWORD).status_code == 200
        assert self.token("10.0.0.1", username="bob").status_code == 401

    def test_it_ends(self) -> None:
        for _ in range(5):
            self.token()
        AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=16))
        assert self.token(password=PASSWORD).status_code == 200

    def test_trying_while_it_is_shut_does_not_prolong_it(self) -> None:
        for _ in range(5):
            self.token()
        began = AccessAttempt.objects.get().attempt_time
        self.token()
        assert AccessAttempt.objects.get().attempt_time == began

    @pytest.mark.parametrize("path", ["/login/", None])
    def test_a_success_starts_from_none(self, client: Client, path: str | None) -> None:
        for _ in range(4):
            self.token()
        if path is None:
            assert self.token(password=PASSWORD).status_code == 200
        else:
            client.post(path, LOGIN, REMOTE_ADDR="10.0.0.1")
        assert not AccessAttempt.objects.exists()

    @pytest.mark.parametrize("path", ["/login/", "/admin/login/", "/api/v1/token/"])
    def test_one_address_has_so_many_attempts_a_minute(self, client: Client, path: str, settings: Settings) -> None:
        settings.QUEUEAPP = settings.QUEUEAPP | {"LOGINS_PER_MINUTE": 2}
        for n in range(2):
            assert knock(client, path, WRONG | {"username": f"n{n}"}).status_code in {200, 401}
        refused = knock(client, path, LOGIN)
        assert (refused.status_code, refused["Retry-After"]) == (429, "30")
        assert client.get(path).status_code in {200, 405}

    @pytest.mark.parametrize("name", ["ada", "nobody", "gone"])
    @pytest.mark.parametrize("path", ["/login/", "/api/v1/token/"])
    def test_a_user_who_is_not_there_takes_as_long(
        self, client: Client, name: str, path: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whoever measures learns nothing: one password is hashed, whoever it is."""
        make_user("gone", is_active=False)
        hashed: list[str] = []
        encode = MD5PasswordHasher.encode

        def counted(self: MD5PasswordHasher, password: str, salt: str) -> str:
            hashed.append(password)
            return encode(self, password, salt)

        monkeypatch.setattr(MD5PasswordHasher, "encode", counted)
        answer = knock(client, path, WRONG | {"username": name})
        assert hashed == ["wrong"]
        words = answer.content.decode().replace(name, "-")
        assert "do not belong together" in words or "No active account found with the given credentials" in words


@pytest.mark.django_db
class TestTokens:
    def pair(self) -> dict[str, str]:
        tokens: dict[str, str] = APIClient().post("/api/v1/token/", LOGIN, format="json").json()
        return tokens

    def refresh(self, token: str) -> Any:
        return APIClient().post("/api/v1/token/refresh/", {"refresh": token}, format="json")

    def test_a_refresh_token_works_once(self) -> None:
        make_user("ada")
        first = self.pair()["refresh"]
        second = self.refresh(first).json()["refresh"]
        assert_problem(self.refresh(first), 401)
        assert self.refresh(second).status_code == 200

    def test_given_back_it_works_no_more(self) -> None:
        make_user("ada")
        token = self.pair()["refresh"]
        answer = APIClient().post("/api/v1/token/revoke/", {"refresh": token}, format="json")
        assert (answer.status_code, answer.content) == (204, b"")
        assert_problem(self.refresh(token), 401)
        assert_problem(APIClient().post("/api/v1/token/revoke/", {"refresh": token}, format="json"), 401)

    @pytest.mark.parametrize("change", ["deactivated", "password", "deleted"])
    def test_a_users_tokens_end_with_the_account_and_the_password(self, change: str) -> None:
        user = make_user("ada")
        tokens = self.pair()
        client = APIClient(HTTP_AUTHORIZATION=f"Bearer {tokens['access']}")
        assert client.get("/api/v1/queue/").status_code == 200
        if change == "deactivated":
            User.objects.update(is_active=False)
        elif change == "password":
            user.set_password("another one")
            user.save()
        else:
            user.delete()
        assert_problem(client.get("/api/v1/queue/"), 401)
        assert_problem(client.get("/api/v1/events/"), 401)
        assert_problem(self.refresh(tokens["refresh"]), 401)

    def test_a_session_ends_with_the_account(self, client: Client) -> None:
        client.force_login(make_user("ada"))
        User.objects.update(is_active=False)
        assert client.get("/").status_code == 302
        assert client.get("/api/v1/queue/").status_code == 401

    def test_records_of_expired_tokens_are_not_kept(self) -> None:
        make_user("ada")
        self.pair()
        OutstandingToken.objects.update(expires_at=timezone.now() - timedelta(days=1))
        self.pair()
        assert OutstandingToken.objects.count() == 1

    @pytest.mark.parametrize("token", ["", "a.b.c", "é", "x" * 10_000, "e30.e30.e30"])
    def test_what_is_no_token(self, token: str) -> None:
        assert APIClient().get("/api/v1/queue/", headers={"authorization": f"Bearer {token}"}).status_code == 401


@pytest.mark.django_db
class TestPassword:
    NEW = "a-long-one-of-my-own"

    def form(self, old: str = PASSWORD, again: str = NEW) -> dict[str, str]:
        return {"old_password": old, "new_password1": self.NEW, "new_password2": again}

    def test_it_is_changed_and_ends_all_but_the_session_and_the_keys(self, client: Client) -> None:
        user = make_user("ada")
        key = new_key(user, "read")
        for one in (client, other := Client()):
            one.post("/login/", LOGIN)
        tokens = APIClient().post("/api/v1/token/", LOGIN, format="json").json()
        assert b'href="/password/"' in client.get("/").content
        assert client.post("/password/", self.form()).status_code == 302
        assert client.get("/password/done/").status_code == client.get("/").status_code == 200
        assert other.get("/").status_code == 302
        assert_problem(APIClient(HTTP_AUTHORIZATION=f"Bearer {tokens['access']}").get("/api/v1/queue/"), 401)
        assert client.get("/api/v1/queue/", headers=bearer(key)).status_code == 200
        again = APIClient().post("/api/v1/token/refresh/", {"refresh": tokens["refresh"]}, format="json")
        assert_problem(again, 401)
        assert User.objects.get().check_password(self.NEW)

    @pytest.mark.parametrize(
        ("given", "field", "says"),
        [
            ({"old": "wrong"}, "old_password", "This is not your present password."),
            ({"again": "another"}, "new_password2", "match"),
        ],
    )
    def test_what_is_wrong_is_said_at_its_field(
        self, client: Client, given: dict[str, str], field: str, says: str
    ) -> None:
        client.force_login(make_user("ada"))
        answer = client.post("/password/", self.form(**given))
        assert answer.status_code == 400
        assert re.search(rf'id="id_{field}-error">[^<]*{says}', answer.content.decode())
        assert User.objects.get().check_password(PASSWORD)

    def test_a_session_cannot_be_used_to_guess_it(self, client: Client) -> None:
        client.force_login(make_user("ada"))
        answers = [client.post("/password/", self.form(old="wrong")) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [400] * 4 + [429]
        assert "Too many attempts" in answers[-1].content.decode()
        assert client.post("/password/", self.form()).status_code == 429
        assert client.get("/").status_code == 200
        assert_problem(APIClient().post("/api/v1/token/", LOGIN, format="json"), 429)

    def test_one_address_has_so_many_attempts_a_minute(self, client: Client, settings: Settings) -> None:
        settings.QUEUEAPP = settings.QUEUEAPP | {"LOGINS_PER_MINUTE": 1}
        client.force_login(make_user("ada"))
        assert client.post("/password/", self.form(again="another")).status_code == 400
        refused = client.post("/password/", self.form())
        assert (refused.status_code, refused["Retry-After"]) == (429, "60")
        assert "your jobs are not affected" in refused.content.decode()


@contextmanager
def open_stream(site: Site, client: httpx.Client) -> Iterator[Iterator[bytes]]:
    """The parts of a stream that has begun."""
    with client.stream("GET", f"{site.url}/api/v1/events/", timeout=10) as answer:
        parts = answer.iter_bytes()
        next(parts)
        yield parts


def assert_ends(parts: Iterator[bytes], within: float) -> None:
    begin = time.monotonic()
    for _ in parts:
        assert time.monotonic() - begin < within, "the stream goes on"


class TestStreamsEnd:
    """Within seconds: CHECK_EVERY of the hub is three."""

    def test_of_a_user_who_is_deactivated_and_of_no_other(self, site: Site) -> None:
        site.user("gil")
        site.user("hal")
        with (
            site.client("gil") as gil,
            site.client("hal") as hal,
            open_stream(site, gil) as ends,
            open_stream(site, hal) as lives,
        ):
            site.query("UPDATE accounts_user SET is_active = false WHERE username = 'gil'")
            assert_ends(ends, 8)
            assert hal.get("queue/").status_code == 200
            assert next(lives)

    def test_of_a_session_that_logs_out(self, site: Site) -> None:
        site.user("ira")
        with httpx.Client(base_url=site.url, follow_redirects=True) as visitor:
            visitor.get("/login/")
            form = {"username": "ira", "password": PASSWORD}
            visitor.post("/login/", data=form | {"csrfmiddlewaretoken": visitor.cookies["csrftoken"]})
            with open_stream(site, visitor) as parts:
                visitor.post("/logout/", data={"csrfmiddlewaretoken": visitor.cookies["csrftoken"]})
                assert_ends(parts, 8)
            assert visitor.get("/api/v1/events/").status_code == 401

    def test_of_a_password_that_is_changed_and_the_session_opens_another(self, site: Site) -> None:
        site.user("kim")
        with httpx.Client(base_url=site.url, follow_redirects=True) as visitor:
            visitor.get("/login/")
            form = {"username": "kim", "password": PASSWORD}
            visitor.post("/login/", data=form | {"csrfmiddlewaretoken": visitor.cookies["csrftoken"]})
            new = {"old_password": PASSWORD, "new_password1": TestPassword.NEW, "new_password2": TestPassword.NEW}
            with open_stream(site, visitor) as parts:
                visitor.post("/password/", data=new | {"csrfmiddlewaretoken": visitor.cookies["csrftoken"]})
                assert_ends(parts, 8)
            with open_stream(site, visitor) as parts:
                assert next(parts)

    def test_of_a_token_that_expires(self, site: Site) -> None:
        site.user("jo")
        ((pk, password),) = site.query("SELECT id, password FROM accounts_user WHERE username = 'jo'")
        token = AccessToken()
        token.set_exp(lifetime=timedelta(seconds=2))
        token["user_id"], token["hash_password"] = str(pk), get_md5_hash_password(password)
        with httpx.Client(base_url=site.url, headers={"Authorization": f"Bearer {token}"}) as client:
            with open_stream(site, client) as parts:
                assert_ends(parts, 10)
            assert client.get("/api/v1/events/").status_code == 401


@pytest.mark.django_db
def test_what_opened_streams_is_looked_at_in_three_queries(django_assert_num_queries: Callable[[int], Any]) -> None:
    users = [make_user(f"u{n}") for n in range(5)]
    valid = {access.StreamAccess(0, user.pk, user.password) for user in users}
    over = {
        access.StreamAccess(0, users[0].pk, "another password"),
        access.StreamAccess(0, users[1].pk, users[1].password, session="no such session"),
        access.StreamAccess(0, users[2].pk, users[2].password, expires_at=time.time() - 1),
        access.StreamAccess(0, users[3].pk, None, key=0),
        access.StreamAccess(0, 0, ""),
    }
    with django_assert_num_queries(3):
        assert access.revoked(valid | over) == over
