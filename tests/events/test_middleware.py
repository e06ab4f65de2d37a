"""The event stream before Django: who is admitted, in batches, and what is left to Django."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from queueapp.events import access, credentials
from queueapp.events.admission import Admissions, StreamRequest, admit_all
from queueapp.events.credentials import Credentials
from queueapp.lifecycle.processors import register
from queueapp.limits import rate_limit
from queueapp.models import Owner
from queueapp.snapshots import last_number
from tests.kit.queue import make_user, run_all, submit_jobs
from tests.kit.site import Site

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_rules")]

BACKEND = "django.contrib.auth.backends.ModelBackend"


def bearer(user: Any) -> Credentials:
    return Credentials(f"Bearer {AccessToken.for_user(user)}".encode())


def session_of(user: Any, **changes: Any) -> Credentials:
    store = SessionStore()
    usual = {
        SESSION_KEY: str(user.pk),
        BACKEND_SESSION_KEY: BACKEND,
        HASH_SESSION_KEY: user.get_session_auth_hash(),
    }
    store.update(usual | changes)
    store.create()
    return Credentials(session=store.session_key or "")


def admitted(*credentials: Credentials) -> list[int | None]:
    """The owners of those who are admitted, together."""
    return [found and found.access.owner for found in admit_all([StreamRequest(one, None) for one in credentials])]


def owner_of(user: Any) -> int:
    return Owner.objects.get(user=user).pk


def test_tokens_and_sessions_of_many_are_admitted_together(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    users = [make_user(f"user-{number}") for number in range(20)]
    given = [bearer(user) if user.pk % 2 else session_of(user) for user in users]
    admitted(*given)  # their owners are made
    with django_assert_max_num_queries(8):
        found = admitted(*given)
    assert found == [owner_of(user) for user in users]


def test_what_does_not_hold_is_not_admitted_and_harms_no_other(settings: Settings) -> None:
    ada, gone, changed = make_user("ada"), make_user("gone"), make_user("changed")
    no_more = [bearer(gone), session_of(gone), bearer(changed), session_of(changed)]
    gone.is_active = False
    gone.save()
    changed.set_password("another password")
    changed.save()
    expired = AccessToken.for_user(ada)
    expired.set_exp(from_time=timezone.now() - timedelta(days=1))
    ended = session_of(ada)
    SessionStore(ended.session).delete()
    late = session_of(ada)
    SessionStore.get_model_class().objects.filter(pk=late.session).update(expire_date=timezone.now())
    unusual = session_of(ada, **{BACKEND_SESSION_KEY: "somebody.elses.Backend"})
    wrong = [
        Credentials(b"Bearer nonsense"),
        Credentials(b"Basic " + b"x" * 10),
        Credentials(b"Bearer a b"),
        Credentials(f"Bearer {expired}".encode()),
        Credentials(f"Bearer {RefreshToken.for_user(ada)}".encode()),
        Credentials(session="nonsense"),
        Credentials(session="\x00"),
        session_of(ada, **{SESSION_KEY: "no key"}),
        session_of(ada, **{HASH_SESSION_KEY: ""}),
        ended, late, unusual, *no_more,
    ]  # fmt: skip
    assert admitted(*wrong, bearer(ada), session_of(ada)) == [None] * len(wrong) + [owner_of(ada)] * 2


def test_an_authorization_header_that_does_not_hold_is_not_replaced_by_a_session() -> None:
    session = session_of(make_user("ada")).session
    assert admitted(Credentials(b"Bearer nonsense", session)) == [None]


def test_each_begins_where_it_asks_to_and_is_reset_where_that_is_ahead() -> None:
    ada, bob = make_user("ada"), make_user("bob")
    asked = [bearer(ada), bearer(bob)]
    admitted(*asked)
    submit_jobs(Owner.objects.get(user=ada), "one", "two")
    run_all(register("c").pk)
    last = last_number(owner_of(ada))
    found = admit_all(
        [StreamRequest(asked[who], after) for who, after in ((0, 0), (0, None), (0, last + 1), (1, 7), (1, None))]
    )
    assert [tuple(one.start) for one in found if one] == [
        (0, False),
        (last, False),
        (last, True),
        (0, True),
        (0, False),
    ]


def test_two_of_one_user_take_two_requests_of_the_users_allowance(settings: Settings) -> None:
    settings.QUEUEAPP = settings.QUEUEAPP | {"REQUESTS_PER_MINUTE": 3}
    ada, bob = bearer(make_user("ada")), bearer(make_user("bob"))
    found = admitted(ada, bob, ada, ada, ada)
    assert [one is not None for one in found] == [True, True, True, True, False]
    settings.QUEUEAPP = settings.QUEUEAPP | {"REQUESTS_PER_MINUTE": 1_000}
    many = make_user("many")
    assert sum(rate_limit.take("x", str(many.pk), 1_000) == 0 for _ in range(1_100)) > 900


def test_what_has_ended_is_found_among_many() -> None:
    users = [make_user(f"user-{number}") for number in range(6)]
    found = [one.access for one in admit_all([StreamRequest(session_of(user), None) for user in users]) if one]
    users[1].is_active = False
    users[1].save()
    users[2].set_password("another password")
    users[2].save()
    users[3].delete()
    SessionStore(found[4].session).delete()
    expired = access.StreamAccess(found[5].owner, users[5].pk, users[5].password, expires_at=1.0)
    assert access.revoked({*found, expired}) == {*found[1:5], expired}


@pytest.mark.django_db(transaction=True)
def test_a_client_that_cannot_be_looked_up_fails_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    ada, bob = make_user("ada"), make_user("bob")
    monkeypatch.setattr(credentials, "_is_session_key", bool)  # as if there were such a gap

    async def visit() -> list[Any]:
        admissions = Admissions()
        clients = [StreamRequest(one, None) for one in (bearer_of[ada], Credentials(session="\x00"), bearer_of[bob])]
        return await asyncio.gather(*map(admissions.admit, clients), return_exceptions=True)

    bearer_of = {ada: bearer(ada), bob: bearer(bob)}
    first, wrong, second = asyncio.run(visit())
    assert (first.access.owner, second.access.owner) == (owner_of(ada), owner_of(bob))
    assert isinstance(wrong, Exception)


class TestOfASite:
    def test_a_stream_has_the_headers_of_every_answer(self, site: Site) -> None:
        site.user("lia")
        with site.client("lia") as client, client.stream("GET", "events/") as answer:
            headers = dict(answer.headers)
        assert headers.pop("date")
        assert headers == {
            "content-type": "text/event-stream",
            "content-encoding": "gzip",
            "vary": "Accept-Encoding",
            "cache-control": "no-cache",
            "x-accel-buffering": "no",
            "x-content-type-options": "nosniff",
            "referrer-policy": "same-origin",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
            "permissions-policy": headers["permissions-policy"],
            "transfer-encoding": "chunked",
        }

    @pytest.mark.parametrize(
        ("method", "query", "headers", "status"),
        [
            ("POST", "", {}, 405),
            ("GET", "?after=x", {}, 400),
            ("GET", "?before=1", {}, 400),
            ("GET", "", {"Last-Event-ID": "9" * 19}, 400),
            ("GET", "", {"Accept": "text/html"}, 406),
            ("GET", "", {"Host": "elsewhere.example"}, 400),
        ],
    )
    def test_every_refusal_is_djangos(
        self, site: Site, method: str, query: str, headers: dict[str, str], status: int
    ) -> None:
        if not site.query("SELECT 1 FROM accounts_user WHERE username = 'refused'"):
            site.user("refused")
        with site.client("refused") as client:
            answer = client.request(method, f"events/{query}", headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")

    def test_of_many_that_come_together_no_more_are_let_in_than_a_user_may_have(self, site: Site) -> None:
        site.user("mio")
        token = site.client("mio").headers["Authorization"]
        streams = [httpx.Client(base_url=f"{site.url}/api/v1/", headers={"Authorization": token}) for _ in range(25)]
        requests = [client.build_request("GET", "events/") for client in streams]
        answers = [client.send(request, stream=True) for client, request in zip(streams, requests, strict=True)]
        assert sorted(answer.status_code for answer in answers) == [200] * 20 + [429] * 5
        for client in streams:
            client.close()
