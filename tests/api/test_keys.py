"""API keys: made, used, noted, revoked, and attacked."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken

from queueapp.events.access import StreamAccess, revoked
from queueapp.events.admission import StreamRequest, admit_all
from queueapp.events.credentials import Credentials
from queueapp.lifecycle import api_keys
from queueapp.models import ApiKey, Job, Owner
from tests.kit.api import assert_problem, client_of
from tests.kit.keys import bearer, new_key, prefix_of
from tests.kit.queue import everyone_takes_turns, in_thread, make_user, second_connection, submit_jobs

pytestmark = pytest.mark.django_db
URL, QUEUE = "/api/v1/keys/", "/api/v1/queue/"
ALL = ("submit", "read", "cancel")


@pytest.fixture
def ada() -> Any:
    everyone_takes_turns()
    return make_user("ada@example.org")


def status(key: str, path: str = QUEUE) -> int:
    return int(Client(headers=bearer(key)).get(path).status_code)


def at(key: str) -> Any:
    """The row of a key."""
    return ApiKey.objects.filter(prefix=prefix_of(key))


class TestMaking:
    def test_the_key_is_in_this_answer_and_in_no_other_and_nowhere_in_the_database(self, ada: Any) -> None:
        api = client_of(ada)
        expires = (timezone.now() + timedelta(days=1)).isoformat()
        made = api.post(URL, {"name": "nightly", "scopes": ["read", "submit"], "expires_at": expires}, format="json")
        assert made.status_code == 201
        key = made.json().pop("key")
        assert (made["Cache-Control"], made.json()["scopes"]) == ("no-store", ["submit", "read"])
        (listed,) = api.get(URL).json()["results"]
        assert listed == {name: value for name, value in made.json().items() if name != "key"}
        assert key.startswith(f"{listed['prefix']}_")
        secret = key.removeprefix(f"{listed['prefix']}_")
        with connection.cursor() as cursor:
            cursor.execute("SELECT k::text FROM queueapp_apikey k")
            assert secret not in str(cursor.fetchall())
        assert status(key) == 200
        assert api.delete(f"{URL}{listed['prefix']}/").status_code == 204
        assert status(key) == 401

    @pytest.mark.parametrize(
        ("given", "field"),
        [
            ({"name": ""}, "name"),
            ({"name": "a\x00b"}, "name"),
            ({"name": "line\nend"}, "name"),
            ({"name": " blank"}, "name"),
            ({"name": "x" * 101}, "name"),
            ({"scopes": []}, "scopes"),
            ({"scopes": "read"}, "scopes"),
            ({"scopes": ["root"]}, "scopes.0"),
            ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
            ({"expires_at": "2100-01-01T00:00:00"}, "expires_at"),
            ({"key": "tka_mine"}, "key"),
        ],
    )
    def test_what_is_wrong_is_named(self, ada: Any, given: dict[str, Any], field: str) -> None:
        api = client_of(ada)
        assert api.post(URL, {"name": "taken", "scopes": ["read"]}, format="json").status_code == 201
        answer = api.post(URL, {"name": "new", "scopes": ["read"]} | given, format="json")
        assert_problem(answer, 400, field)
        assert_problem(api.post(URL, {"name": "taken", "scopes": ["read"]}, format="json"), 409, "name")
        assert_problem(api.post(URL, {"name": "new", "scopes": ["read", "staff"]}, format="json"), 403, "scopes")
        assert ApiKey.objects.count() == 1

    def test_a_page_of_another_site_makes_and_revokes_none(self, ada: Any) -> None:
        key = new_key(ada, "read")
        browser = Client(enforce_csrf_checks=True)
        browser.force_login(ada)
        form = {"name": "theirs", "scopes": ["read"], "life": ""}
        assert browser.post("/keys/", form).status_code == 403
        assert browser.post(f"/keys/{prefix_of(key)}/revoke/").status_code == 403
        assert browser.post(URL, form, content_type="application/json").status_code == 403
        assert browser.delete(f"{URL}{prefix_of(key)}/").status_code == 403
        assert list(ApiKey.objects.all()) == list(at(key))

    def test_names_are_shown_as_text(self, ada: Any) -> None:
        browser = Client()
        browser.force_login(ada)
        name = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
        assert browser.post("/keys/", {"name": name, "scopes": ["read"], "life": "30"}).status_code == 200
        boss = Client()
        boss.force_login(make_user("boss@example.org", is_staff=True, is_superuser=True))
        pages = [browser.get("/keys/"), boss.get("/admin/queueapp/apikey/?q=tka_")]
        for page in pages:
            assert "&lt;script&gt;alert(1)" in page.content.decode()
            assert "<script>alert(1)" not in page.content.decode()

    @pytest.mark.django_db(transaction=True)
    def test_of_many_at_once_none_exceeds_the_bound(self, ada: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(api_keys, "MAX_KEYS", 3)
        api = client_of(ada)

        def make(number: int) -> int:
            asked = {"name": f"key-{number}", "scopes": ["read"]}
            return int(in_thread(lambda: api.post(URL, asked, format="json").status_code))

        with ThreadPoolExecutor(4) as pool:
            assert sorted(pool.map(make, range(6))) == [201] * 3 + [409] * 3
        assert ApiKey.objects.count() == 3
        new_key(make_user("bob@example.org"), "read")


class TestUse:
    def test_a_key_does_what_its_scopes_say(self, ada: Any) -> None:
        submitter, reader, canceller = (Client(headers=bearer(new_key(ada, scope))) for scope in ALL)
        job = {"job_id": "a", "duration": 1}
        answers = [
            client.post("/api/v1/jobs/", job, content_type="application/json")
            for client in (reader, canceller, submitter)
        ]
        assert [answer.status_code for answer in answers] == [403, 403, 201]
        assert assert_problem(answers[0], 403)["detail"] == "This API key lacks the scope submit."
        assert [client.get("/api/v1/jobs/a/").status_code for client in (submitter, canceller, reader)] == [
            403, 403, 200,
        ]  # fmt: skip
        assert [client.delete("/api/v1/jobs/a/").status_code for client in (submitter, reader, canceller)] == [
            403, 403, 200,
        ]  # fmt: skip
        assert canceller.post("/api/v1/jobs/a/retry/").status_code == 200

    def test_staff_reach_others_by_a_key_with_the_scope_for_that_and_while_they_are_staff(self, ada: Any) -> None:
        submit_jobs(ada, "theirs")
        clerk = make_user("clerk@example.org", is_staff=True, is_superuser=True)
        plain, whole = new_key(clerk, *ALL), new_key(clerk, *ALL, "staff")
        theirs = f"/api/v1/jobs/theirs/?user={ada.get_username()}"
        assert [status(plain, theirs), status(whole, theirs)] == [403, 200]
        for key in (plain, whole):
            assert [status(key, f"/api/v1/{path}/") for path in ("fleet", "keys")] == [403, 403]
            assert status(key, "/admin/") == 302
        clerk.is_staff = False
        clerk.save()
        assert status(whole, theirs) == 403

    def test_the_scheme_may_be_written_small_and_a_token_serves_beside(self, ada: Any) -> None:
        key = new_key(ada, "read")
        for text in (f"bearer {key}", f"Bearer  {key} ", f"Bearer {AccessToken.for_user(ada)}"):
            assert Client(headers={"Authorization": text}).get(QUEUE).status_code == 200

    def test_the_password_does_not_matter_and_the_account_does(self, ada: Any) -> None:
        key = new_key(ada, "read")
        ada.set_password("another password")
        ada.save()
        assert status(key) == 200
        ada.is_active = False
        ada.save()
        assert status(key) == 401

    def test_its_use_is_noted_once_a_minute_and_nobody_waits_for_that(self, ada: Any) -> None:
        key = new_key(ada, "read")
        assert at(key).get().last_used_at is None
        assert status(key) == 200
        noted = at(key).get().last_used_at
        assert noted is not None
        assert status(key) == 200
        assert at(key).get().last_used_at == noted
        for moment in (noted - timedelta(seconds=61), noted + timedelta(hours=1)):  # the clock may have been set back
            at(key).update(last_used_at=moment)
            assert status(key) == 200
            assert at(key).get().last_used_at not in (noted, moment)

    @pytest.mark.django_db(transaction=True)
    def test_a_key_is_used_while_it_is_revoked(self, ada: Any) -> None:
        key = new_key(ada, "read")
        with second_connection() as theirs:
            theirs.execute("DELETE FROM queueapp_apikey")
            assert status(key) == 200, "not revoked yet, and it does not wait"
            theirs.commit()
            assert status(key) == 401

    @pytest.mark.django_db(transaction=True)
    def test_of_two_revocations_at_once_one_finds_the_key(self, ada: Any) -> None:
        path, api = f"{URL}{prefix_of(new_key(ada, 'read'))}/", client_of(ada)

        def revoke(_: int) -> int:
            return int(in_thread(lambda: api.delete(path).status_code))

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(revoke, range(2))) == [204, 404]


class TestWrongOnes:
    def test_only_the_header_is_read(self, ada: Any) -> None:
        key = new_key(ada, *ALL)
        for name in ("key", "token", "access_token", "api_key", "apikey"):
            for path in (QUEUE, "/api/v1/events/", "/api/v1/jobs/"):
                assert Client().get(path, {name: key}).status_code in (400, 401)
        for headers in ({"X-Api-Key": key}, {"Authorization": f"Token {key}"}, {"Authorization": f"Basic {key}"}):
            assert Client(headers=headers).get(QUEUE).status_code == 401
        assert Client(headers={"Cookie": f"sessionid={key}; Authorization=Bearer {key}"}).get(QUEUE).status_code == 401
        assert at(key).get().last_used_at is None

    def test_what_is_no_key_is_refused_in_the_same_words(self, ada: Any) -> None:
        key, token = new_key(ada, "read"), str(AccessToken.for_user(ada))
        prefix, secret = prefix_of(key), key.rpartition("_")[2]
        wrong = [
            "tka_", "tka_\x00", f"{key}\x00", f"{prefix}\x00_{secret}", f"{key}a", key[:-1], f"{key} {key}", prefix,
            f"{prefix}_{secret[::-1]}", f"tka_{'a' * 12}_{secret}", f"tka_{token}", f"{key}.{token}", "tka_" + "ü" * 56,
            "tka_" + "a" * 1_000_000, f"tka_%_{secret}", f"tka_{'_' * 12}_{secret}",
        ]  # fmt: skip
        told = set()
        for text in wrong:
            answer = APIClient(HTTP_AUTHORIZATION=f"Bearer {text}").get(QUEUE)
            assert (answer.status_code, answer["WWW-Authenticate"]) == (401, 'Bearer realm="api"'), text[:100]
            assert APIClient(HTTP_AUTHORIZATION=f"Bearer {text}").get("/api/v1/events/").status_code == 401, text[:100]
            told.add(answer.content)
        assert len(told) == 1
        for text in (f"{token}_{secret}", f"x{key}", key.upper(), f"{token[:-1]}_"):  # read as tokens
            assert APIClient(HTTP_AUTHORIZATION=f"Bearer {text}").get(QUEUE).status_code == 401
        assert at(key).get().last_used_at is None

    def test_many_wrong_ones_shut_out_nobody(self, ada: Any, settings: Settings) -> None:
        key = new_key(ada, "read")
        settings.QUEUEAPP = settings.QUEUEAPP | {"REQUESTS_PER_MINUTE": 0}
        assert {status(f"{prefix_of(key)}_{number:043}") for number in range(20)} == {401}
        settings.QUEUEAPP = settings.QUEUEAPP | {"REQUESTS_PER_MINUTE": 1}
        assert {status(f"{prefix_of(key)}_{number:043}") for number in range(5)} == {401, 429}, "counted by address"
        assert status(key) == 200
        settings.QUEUEAPP = settings.QUEUEAPP | {"REQUESTS_PER_MINUTE": 0}
        assert client_of(ada).get(QUEUE).status_code == 200, "the password still serves"


class TestStreams:
    def admitted(self, *keys: str) -> list[StreamAccess | None]:
        found = admit_all([StreamRequest(Credentials(f"Bearer {key}".encode()), None) for key in keys])
        return [one and one.access for one in found]

    def test_keys_that_may_read_are_admitted_together_with_others(
        self, ada: Any, django_assert_max_num_queries: Callable[..., Any]
    ) -> None:
        keys = [new_key(ada, "read"), new_key(ada, "submit"), "tka_nonsense", str(AccessToken.for_user(ada))]
        self.admitted(*keys)
        with django_assert_max_num_queries(9):
            found = self.admitted(*keys)
        owner = Owner.objects.get(user=ada).pk
        assert [one and one.owner for one in found] == [owner, None, None, owner]

    def test_a_stream_ends_with_its_key_and_not_with_the_password(self, ada: Any) -> None:
        keys = [new_key(ada, "read") for _ in range(3)]
        ok, gone, late = (one for one in self.admitted(*keys) if one)
        ada.set_password("another password")
        ada.save()
        assert revoked([ok, gone, late]) == set()
        at(keys[1]).delete()
        at(keys[2]).update(expires_at=timezone.now())
        assert revoked([ok, gone, late]) == {gone, late}
        ada.is_active = False
        ada.save()
        assert revoked([ok]) == {ok}

    def test_a_key_that_may_not_read_is_told_so(self, ada: Any) -> None:
        answer = APIClient(HTTP_AUTHORIZATION=f"Bearer {new_key(ada, 'submit')}").get("/api/v1/events/")
        assert assert_problem(answer, 403)["detail"] == "This API key lacks the scope read."


def test_the_schema_names_the_scope_of_each_call_and_closes_the_others(ada: Any) -> None:
    schema = APIClient().get("/api/v1/schema/?format=json").json()
    assert schema["components"]["securitySchemes"]["apiKeyAuth"]["scheme"] == "bearer"
    needed = {
        (path.removeprefix("/api/v1/"), method): [
            one["apiKeyAuth"] for one in call.get("security", []) if "apiKeyAuth" in one
        ]
        for path, calls in schema["paths"].items()
        for method, call in calls.items()
    }
    assert needed["jobs/", "post"] == [["submit"]]
    assert needed["events/", "get"] == [["read"]]
    assert needed["jobs/{job_id}/", "delete"] == [["cancel"]]
    assert needed["keys/", "post"] == needed["fleet/", "get"] == []


def test_a_user_without_jobs_is_deleted_with_the_keys(ada: Any) -> None:
    new_key(ada, "read")
    assert not Job.objects.exists()
    ada.delete()
    assert not ApiKey.objects.exists()
