"""The API of webhooks: made, changed, shown without their secrets, and nobody else's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from queueapp.lifecycle import webhooks
from queueapp.models import Webhook
from queueapp.testing import run_jobs
from tests.kit.api import assert_problem, client_of
from tests.kit.keys import bearer, new_key
from tests.kit.queue import everyone_takes_turns, in_thread, make_user
from tests.kit.receiver import receiver

pytestmark = pytest.mark.django_db
URL = "/api/v1/webhooks/"
HOOK = "https://hook.example.org/queue"


@pytest.fixture
def ada() -> Any:
    everyone_takes_turns()
    return make_user("ada@example.org")


def test_a_secret_is_in_the_answers_that_make_it_and_in_no_other(ada: Any) -> None:
    api = client_of(ada)
    made = api.post(URL, {"url": HOOK, "statuses": ["failed", "succeeded", "failed"]}, format="json")
    assert made.status_code == 201
    shown = made.json()
    secret = shown.pop("secret")
    assert secret.startswith("whsec_")
    assert (shown["statuses"], shown["enabled"], shown["off_reason"]) == (["succeeded", "failed"], True, "")
    assert api.get(URL).json()["results"] == [shown]
    one = f"{URL}{shown['id']}/"
    assert api.get(one).json() == shown
    other = api.post(f"{one}rotate/").json().pop("secret")
    assert other != secret
    changed = api.patch(one, {"enabled": False, "url": f"{HOOK}/other"}, format="json").json()
    assert (changed["enabled"], changed["url"], changed["statuses"]) == (False, f"{HOOK}/other", shown["statuses"])
    for answer in (api.get(URL), api.get(one)):
        assert other not in answer.content.decode()
        assert "whsec_" not in answer.content.decode()
    assert api.delete(one).status_code == 204
    assert api.delete(one).status_code == 404


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://hook.example.org/", "must begin with https://"),
        ("ftp://hook.example.org/", "must begin with https://"),
        ("https://user:password@hook.example.org/", "must not have a user name or a password"),
        ("https://user@hook.example.org/", "must not have a user name or a password"),
        ("https://hook.example.org/#there", "must not have a fragment (#)"),
        ("https://10.0.0.1/", "leads to an address that this site does not send to"),
        ("https://0x7f.1/", "leads to an address that this site does not send to"),
        ("https://2130706433/", "leads to an address that this site does not send to"),
        ("https://[::ffff:169.254.169.254]/", "leads to an address that this site does not send to"),
        ("https://[64:ff9b::a9fe:a9fe]/", "leads to an address that this site does not send to"),
        ("no address", "is not an address such as https://example.org/hook"),
        ("https://", "is not an address such as https://example.org/hook"),
        ("https://hook.example.org:99999/", "is not an address such as https://example.org/hook"),
        ("https://hook.example.org/" + "x" * 2_000, "String should have at most 2000 characters"),
        ("https://hook.example.org/" + "ü" * 700, "must have at most 2000 characters"),
    ],
)
def test_an_address_that_nothing_may_be_sent_to_is_refused_by_name(
    ada: Any, settings: Settings, url: str, message: str
) -> None:
    settings.QUEUEAPP = settings.QUEUEAPP | {"WEBHOOK_PRIVATE_NETWORKS": []}
    api = client_of(ada)
    hook = api.post(URL, {"url": HOOK}, format="json").json()["id"]
    for answer in (
        api.post(URL, {"url": url}, format="json"),
        api.patch(f"{URL}{hook}/", {"url": url}, format="json"),
    ):
        problem = assert_problem(answer, 400, "url")
        assert problem["errors"][0]["message"] == message
    assert Webhook.objects.get().url == HOOK


def test_an_address_is_kept_in_its_usual_form(ada: Any) -> None:
    made = client_of(ada).post(URL, {"url": "HTTPS://Exämple.org:443/ä b\n?x=\r\nHost: y"}, format="json")
    assert made.json()["url"] == "https://xn--exmple-cua.org/%C3%A4%20b?x=Host:%20y"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"statuses": []}, "statuses"),
        ({"statuses": ["running"]}, "statuses"),
        ({"statuses": ["nonsense"]}, "statuses.0"),
        ({"statuses": "failed"}, "statuses"),
        ({"secret": "whsec_mine"}, "secret"),
        ({"owner": 1}, "owner"),
    ],
)
def test_what_is_wrong_is_named(ada: Any, given: dict[str, Any], field: str) -> None:
    api = client_of(ada)
    assert_problem(api.post(URL, {"url": HOOK} | given, format="json"), 400, field)
    hook = api.post(URL, {"url": HOOK}, format="json").json()["id"]
    assert_problem(api.patch(f"{URL}{hook}/", given, format="json"), 400, field)
    assert_problem(api.post(URL, {"url": HOOK}, format="json"), 409, "url")
    other = api.post(URL, {"url": f"{HOOK}/other"}, format="json").json()["id"]
    assert_problem(api.patch(f"{URL}{other}/", {"url": HOOK}, format="json"), 409, "url")
    assert_problem(api.patch(f"{URL}{hook}/", {"enabled": "yes"}, format="json"), 400, "enabled")


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_none_exceeds_the_bound(ada: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "MAX_WEBHOOKS", 3)
    api = client_of(ada)

    def make(number: int) -> int:
        asked = {"url": f"{HOOK}/{number}"}
        return int(in_thread(lambda: api.post(URL, asked, format="json").status_code))

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(make, range(6))) == [201] * 3 + [409] * 3


@pytest.mark.django_db(transaction=True)
def test_the_log_shows_what_came_of_each_message_and_one_is_sent_again(ada: Any) -> None:
    with receiver() as there:
        there.answers[:] = [500]
        api = client_of(ada)
        hooks = [api.post(URL, {"url": f"{there.url}{n}"}, format="json").json()["id"] for n in (1, 11)]
        log = f"{URL}{hooks[0]}/deliveries/"
        test = api.post(f"{URL}{hooks[0]}/test/")
        assert test.status_code == 202
        (waits,) = api.get(log).json()["results"]
        assert (waits["id"], waits["status"], waits["attempts"], waits["sent_at"]) == (
            test.json()["id"], "queued", 0, None,
        )  # fmt: skip
        run_jobs()
        (done,) = api.get(log).json()["results"]
        assert (done["status"], done["attempts"], done["answer_status"]) == ("succeeded", 2, 204)
        assert (done["about"], done["error"], done["milliseconds"] >= 0) == ("a test", "", True)
        again = api.post(f"{log}{done['id']}/send/")
        assert again.status_code == 202
        run_jobs()
        assert [one["message"] for one in api.get(log).json()["results"]] == [done["message"]] * 2
        assert api.get(f"{URL}{hooks[1]}/deliveries/").json()["results"] == []
        assert api.post(f"{URL}{hooks[1]}/deliveries/{done['id']}/send/").status_code == 404
        assert len({there.next().headers["webhook-id"] for _ in range(3)}) == 1


def test_nobody_else_reaches_a_webhook_and_no_key_does(ada: Any) -> None:
    hook = client_of(ada).post(URL, {"url": HOOK}, format="json").json()["id"]
    boss = client_of(make_user("boss@example.org", is_staff=True, is_superuser=True))
    theirs, nobodys = (boss.get(f"{URL}{number}/") for number in (hook, 2**63 - 1))
    assert (theirs.status_code, theirs.content) == (nobodys.status_code, nobodys.content)
    assert theirs.status_code == 404
    assert boss.get(URL).json()["results"] == []
    key = bearer(new_key(ada, "submit", "read", "cancel"))
    assert client_of(ada).get(f"{URL}{2**70}/").status_code == 404
    assert Client(headers=key).get(URL).status_code == 403
