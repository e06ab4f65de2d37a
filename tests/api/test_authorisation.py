"""Who may do what: every address of the site, by everyone. An address without a row here fails the test.

Ada owns the job "theirs" and is the owner of the columns, Bob is another user; the clerk is staff without any
permission in the admin, the boss is a superuser; Gil logged in before his account was deactivated. Then the same by
API keys: what a key opens follows from its user's column and its scopes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from http.cookies import SimpleCookie
from typing import Any

import pytest
from django.conf import settings as site_settings
from django.contrib.auth.models import Group
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from jobsite.accounts.models import User
from queueapp.lifecycle.pause import pause
from queueapp.lifecycle.processors import register
from queueapp.lifecycle.shares import share
from queueapp.lifecycle.webhooks import NewWebhook, make_webhook
from queueapp.models import ApiKey, Fleet, FleetDecision, Flow, Job, Owner, Pause, PriorityRule, Processor
from queueapp.notices.webhooks import send_test
from tests.kit.keys import bearer, new_key, prefix_of
from tests.kit.queue import everyone_takes_turns, make_user, submit_jobs

EVERYONE = ("nobody", "ada", "bob", "clerk", "boss", "gil")


@dataclass(frozen=True)
class Row:
    """What one request to an address is answered with, for everyone, in the order of EVERYONE."""

    address: str
    method: str
    path: str
    answers: tuple[int, int, int, int, int, int]
    data: Any = None

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.data or ''}"


def row(address: str, method: str, answers: str, path: str = "", data: Any = None) -> Row:
    """A row; where it is the address itself, the path is left out."""
    one, two, three, four, five, six = map(int, answers.split())
    return Row(address, method, f"/{path or address}", (one, two, three, four, five, six), data)


DOCS_ARE_BUILT = (site_settings.DOCS_ROOT / "index.html").exists()
ONE, BULK = {"job_id": "new", "duration": 1}, {"jobs": [{"job_id": "new", "duration": 1}]}
ALL, FRONT = {"all": True}, {"to": "front"}
SHARE, UNSHARE = {"do": "share", "life": "1"}, {"do": "unshare", "link": 1}
MANY = {"do": "cancel", "all": 1, "sure": 1}
PAGE = "jobs/<str:job_id>/"
JOB, RETRY, API = "api/v1/jobs/<str:job_id>/", "api/v1/jobs/<str:job_id>/retry/", "api/v1/"
WHY, LOG = f"{JOB}why/", f"{JOB}log/"
HOOK, THEIR_HOOK = f"{API}webhooks/<int:webhook>/", f"{API}webhooks/{{webhook}}/"
AGAIN = f"{HOOK}deliveries/<str:delivery>/send/"
HOOK_PAGE, THEIR_PAGE, URL = "notices/webhooks/<int:webhook>/", "notices/webhooks/{webhook}/", "https://example.org/"
MOVE = "api/v1/jobs/<str:job_id>/move/"
THEIRS, WRONG = "api/v1/jobs/theirs/", {"username": "ada", "password": "wrong"}
STAFF, ACT = ("", "failures/", "processors/", "flows/", "decisions/", "database/"), "staff/act/<str:name>/"
PAUSE = {"user": "ada", "reason": "x"}
# fmt: off
ROWS = [
    #                                     nobody ada bob clerk boss gil
    row("", "GET",                          "302 200 200 200 200 302"),
    row("keys/", "GET",                     "302 200 200 200 200 302"),
    row("keys/", "POST",                    "302 200 200 200 200 302", data={"name": "new", "scopes": ["read"]}),
    row("keys/", "POST",                    "302 400 400 200 200 302", data={"name": "new", "scopes": ["staff"]}),
    row("keys/<str:prefix>/revoke/", "POST", "302 302 302 302 302 302", "keys/{prefix}/revoke/"),
    row("notices/", "GET",                  "302 200 200 200 200 302"),
    row("notices/", "POST",                 "302 200 200 200 200 302", data={"url": URL, "statuses": ["failed"]}),
    row("notices/", "POST",                 "302 400 400 400 400 302", data={"url": "http://["}),
    row("notices/digest/", "POST",          "302 302 302 302 302 302", data={"period": "daily"}),
    row("notices/digest/", "POST",          "302 404 404 404 404 302", data={"period": "yearly"}),
    row(HOOK_PAGE, "GET",                   "302 200 404 404 404 302", THEIR_PAGE),
    *(row(HOOK_PAGE, "POST",                "302 302 404 404 404 302", THEIR_PAGE, {"do": do})
      for do in ("on", "off", "test", "delete")),
    row(HOOK_PAGE, "POST",                  "302 200 404 404 404 302", THEIR_PAGE, {"do": "rotate"}),
    row(HOOK_PAGE, "POST",                  "302 404 404 404 404 302", THEIR_PAGE, {"do": "send", "delivery": "none"}),
    row("submit/", "GET",                   "302 200 200 200 200 302"),
    row("submit/", "GET",                   "302 404 404 404 404 302", "submit/?task=nothing"),
    row("submit/", "POST",                  "302 302 302 302 302 302", data={"job_id": "new", "duration": 1}),
    row("submit/many/", "GET",              "302 200 200 200 200 302"),
    row("submit/many/", "POST",             "302 200 200 200 200 302", data={"text": "job_id,duration\nnew,1"}),
    row("use/", "GET",                      "302 200 200 200 200 302"),
    row("use/", "GET",                      "302 200 403 403 302 302", "use/?user=ada"),
    row("jobs/", "GET",                     "302 200 200 200 200 302"),
    row("", "GET",                          "302 200 403 403 302 302", "?user=ada"),  # the boss to the page that asks
    row("jobs/", "GET",                     "302 200 403 403 302 302", "jobs/?user=ada"),
    row("jobs/", "GET",                     "302 403 403 403 404 302", "jobs/?key=team"),
    row("jobs/", "POST",                    "302 302 302 302 302 302", data={"seen": 1}),
    row("jobs/", "POST",                    "302 302 403 403 403 302", "jobs/?user=ada", {"seen": 1}),
    row("jobs/", "POST",                    "302 302 302 302 302 302", data={"do": "front", "job": "theirs"}),
    row("jobs/", "POST",                    "302 200 200 200 200 302", data={"do": "cancel", "job": "theirs"}),
    row("jobs/", "POST",                    "302 302 302 302 302 302", data=MANY),
    row("jobs/", "POST",                    "302 302 403 403 403 302", "jobs/?user=ada", MANY),
    row(PAGE, "GET",                        "302 200 404 404 404 302", "jobs/theirs/"),
    row(PAGE, "GET",                        "302 200 403 403 302 302", "jobs/theirs/?user=ada"),
    row(PAGE, "GET",                        "302 200 404 404 404 302", "jobs/theirs/?download=payload"),
    row(PAGE, "GET",                        "302 404 404 404 404 302", "jobs/nobodys/"),
    row(PAGE, "POST",                       "302 302 404 404 404 302", "jobs/theirs/", {"do": "cancel"}),
    row(PAGE, "POST",                       "302 200 404 404 404 302", "jobs/theirs/", SHARE),
    row(PAGE, "POST",                       "302 200 403 403 403 302", "jobs/theirs/?user=ada", SHARE),
    row(PAGE, "POST",                       "302 302 403 403 403 302", "jobs/theirs/?user=ada", UNSHARE),
    row("shared/<str:secret>/", "GET",      "200 200 200 200 200 200", "shared/{secret}/"),
    row("shared/<str:secret>/", "GET",      "404 404 404 404 404 404", "shared/theirs/"),
    row("shared/<str:secret>/", "POST",     "405 405 405 405 405 405", "shared/{secret}/", {"do": "cancel"}),
    row(PAGE, "POST",                       "302 302 403 403 403 302", "jobs/theirs/?user=ada", {"do": "cancel"}),
    row(PAGE, "POST",                       "302 302 404 404 404 302", "jobs/theirs/", {"do": "front"}),
    row(PAGE, "POST",                       "302 302 403 403 403 302", "jobs/theirs/?user=ada", {"do": "back"}),
    row("login/", "GET",                    "200 302 302 302 302 200"),
    row("login/", "POST",                   "200 302 302 302 302 200", data=WRONG),
    row("logout/", "POST",                  "302 302 302 302 302 302"),
    row("logout/", "GET",                   "405 405 405 405 405 405"),
    row("password/", "GET",                 "302 200 200 200 200 302"),
    row("password/", "POST",                "302 400 400 400 400 302"),
    row("password/done/", "GET",            "302 200 200 200 200 302"),
    row(f"{API}token/", "POST",             "401 401 401 401 401 401", data=WRONG),
    row(f"{API}token/refresh/", "POST",     "401 401 401 401 401 401", data={"refresh": "none"}),
    row(f"{API}token/revoke/", "POST",      "401 401 401 401 401 401", data={"refresh": "none"}),
    row(f"{API}jobs/", "GET",               "401 200 200 200 200 401"),
    row(f"{API}jobs/", "GET",               "401 200 403 200 200 401", "api/v1/jobs/?user=ada"),
    row(f"{API}jobs/", "POST",              "401 201 201 201 201 401", data=ONE),
    row(f"{API}jobs/", "POST",              "401 201 403 201 201 401", data=ONE | {"user": "ada"}),
    row(f"{API}jobs/", "POST",              "401 403 403 201 201 401", data=ONE | {"key": "team"}),
    row(f"{API}jobs/", "GET",               "401 403 403 400 400 401", "api/v1/jobs/?key=team"),
    row(f"{API}jobs/bulk/", "POST",         "401 201 201 201 201 401", data=BULK),
    row(f"{API}jobs/bulk/", "POST",         "401 201 403 201 201 401", data={"jobs": [ONE | {"user": "ada"}]}),
    row(f"{API}jobs/cancel/", "POST",       "401 200 200 200 200 401", data=ALL),
    row(f"{API}jobs/cancel/", "POST",       "401 200 403 200 200 401", "api/v1/jobs/cancel/?user=ada", ALL),
    row(f"{API}jobs/cancel/", "POST",       "401 403 403 400 400 401", "api/v1/jobs/cancel/?key=team", ALL),
    row(f"{API}jobs/retry/", "POST",        "401 200 200 200 200 401", data=ALL),
    row(f"{API}jobs/retry/", "POST",        "401 200 403 200 200 401", "api/v1/jobs/retry/?user=ada", ALL),
    row(f"{API}jobs/move/", "POST",         "401 200 200 200 200 401", data=ALL | FRONT),
    row(f"{API}jobs/move/", "POST",         "401 200 403 200 200 401", "api/v1/jobs/move/?user=ada", ALL | FRONT),
    row(f"{API}jobs/move/", "POST",         "401 403 403 400 400 401", "api/v1/jobs/move/?key=team", ALL | FRONT),
    row(JOB, "GET",                         "401 200 404 404 404 401", THEIRS),
    row(JOB, "GET",                         "401 200 403 200 200 401", f"{THEIRS}?user=ada"),
    row(JOB, "GET",                         "401 404 404 404 404 401", "api/v1/jobs/nobodys/"),
    row(JOB, "DELETE",                      "401 200 404 404 404 401", THEIRS),
    row(JOB, "DELETE",                      "401 200 403 200 200 401", f"{THEIRS}?user=ada"),
    row(RETRY, "POST",                      "401 409 404 404 404 401", f"{THEIRS}retry/"),
    row(RETRY, "POST",                      "401 409 403 409 409 401", f"{THEIRS}retry/?user=ada"),
    row(LOG, "GET",                         "401 200 404 404 404 401", f"{THEIRS}log/"),
    row(LOG, "GET",                         "401 200 403 200 200 401", f"{THEIRS}log/?user=ada"),
    row(WHY, "GET",                         "401 200 404 404 404 401", f"{THEIRS}why/"),
    row(WHY, "GET",                         "401 200 403 200 200 401", f"{THEIRS}why/?user=ada"),
    row(MOVE, "POST",                       "401 200 404 404 404 401", f"{THEIRS}move/", FRONT),
    row(MOVE, "POST",                       "401 200 403 200 200 401", f"{THEIRS}move/?user=ada", FRONT),
    row(f"{API}queue/", "GET",              "401 200 200 200 200 401"),
    row(f"{API}use/", "GET",                "401 200 200 200 200 401"),
    row(f"{API}use/", "GET",                "401 200 403 200 200 401", "api/v1/use/?user=ada"),
    row(f"{API}events/", "GET",             "401 501 501 501 501 401"),  # admitted, and this client is WSGI
    row(f"{API}keys/", "GET",               "401 200 200 200 200 401"),
    row(f"{API}keys/", "POST",              "401 201 201 201 201 401", data={"name": "new", "scopes": ["read"]}),
    row(f"{API}keys/", "POST",              "401 403 403 201 201 401", data={"name": "new", "scopes": ["staff"]}),
    row(f"{API}keys/<str:prefix>/", "DELETE", "401 204 404 404 404 401", f"{API}keys/{{prefix}}/"),
    row(f"{API}webhooks/", "GET",           "401 200 200 200 200 401"),
    row(f"{API}webhooks/", "POST",          "401 201 201 201 201 401", data={"url": URL}),
    row(HOOK, "GET",                        "401 200 404 404 404 401", THEIR_HOOK),
    row(HOOK, "PATCH",                      "401 200 404 404 404 401", THEIR_HOOK, {"enabled": False}),
    row(HOOK, "DELETE",                     "401 204 404 404 404 401", THEIR_HOOK),
    row(f"{HOOK}rotate/", "POST",           "401 200 404 404 404 401", f"{THEIR_HOOK}rotate/"),
    row(f"{HOOK}test/", "POST",             "401 202 404 404 404 401", f"{THEIR_HOOK}test/"),
    row(f"{HOOK}deliveries/", "GET",        "401 200 404 404 404 401", f"{THEIR_HOOK}deliveries/"),
    row(AGAIN, "POST",                      "401 202 404 404 404 401", f"{THEIR_HOOK}deliveries/{{delivery}}/send/"),
    row(f"{API}fleet/", "GET",              "401 403 403 403 200 401"),
    row(f"{API}fleet/", "PATCH",            "401 403 403 403 200 401", data={"minimum": 2}),
    *(row(f"staff/{page}", "GET",           "302 403 403 403 200 302") for page in STAFF),
    row(ACT, "GET",                         "302 403 403 403 200 302", "staff/act/pause/"),
    row(ACT, "GET",                         "302 403 403 403 404 302", "staff/act/nothing/"),
    row(ACT, "GET",                         "302 403 403 403 404 302", "staff/act/stop/?what=0"),
    row(ACT, "POST",                        "302 403 403 403 302 302", "staff/act/pause/", PAUSE),
    row(ACT, "POST",                        "302 403 403 403 400 302", "staff/act/pause/", {"user": "ada"}),
    row("staff/look/", "GET",               "302 403 403 403 200 302"),
    row("staff/look/", "POST",              "302 403 403 403 302 302", data=PAUSE),
    row("staff/look/end/", "POST",          "302 403 403 403 302 302"),
    row("favicon.ico", "GET",               "302 302 302 302 302 302"),
    row("language/", "GET",                 "302 302 302 302 302 302"),
    row("language/", "POST",                "302 302 302 302 302 302", data={"language": "de"}),
    row("texts/<str:language>.js", "GET",   "200 200 200 200 200 200", "texts/de.js"),
    row("texts/<str:language>.js", "GET",   "404 404 404 404 404 404", "texts/none.js"),
    *([row("docs/", "GET",                  "302 302 302 302 302 302")] if DOCS_ARE_BUILT else []),
    row(f"{API}schema/", "GET",             "200 200 200 200 200 200"),
    row(f"{API}docs/", "GET",               "200 200 200 200 200 200"),
    row("admin/login/", "GET",              "200 200 200 302 302 200"),
    row("admin/login/", "POST",             "200 200 200 200 200 200", data=WRONG),
    row("admin/logout/", "POST",            "302 302 302 302 302 302"),
    row("admin/", "GET",                    "302 302 302 200 200 302"),
    row("admin/password_change/", "GET",    "302 302 302 302 302 302"),
    row("admin/password_change/done/", "GET", "302 302 302 200 200 302"),
    row("admin/jsi18n/", "GET",             "302 302 302 200 200 302"),
    row("admin/autocomplete/", "GET",       "302 302 302 403 403 302"),
    row("admin/r/<path:content_type_id>/<path:object_id>/", "GET", "302 302 302 404 404 302", "admin/r/0/0/"),
    row("admin/<app_label>/", "GET",        "302 302 302 404 200 302", "admin/queueapp/"),
    row("admin/(?P<url>.*)$", "GET",        "302 302 302 404 404 302", "admin/nowhere/"),
    row("admin/queueapp/flow/shares/", "GET", "302 302 302 403 200 302"),
    row("admin/accounts/user/<id>/password/", "GET", "302 302 302 403 200 302", "admin/accounts/user/{user}/password/"),
]
# fmt: on
FULL, SHOWN = {"add": 200, "delete": 200}, {"add": 403, "delete": 403}
ADMIN: dict[str, dict[str, int]] = {
    "queueapp/flow": SHOWN,
    "queueapp/job": SHOWN,
    "queueapp/processor": SHOWN,
    "queueapp/pause": FULL,
    "queueapp/priorityrule": FULL,
    "queueapp/owner": SHOWN,
    "queueapp/fleet": {"list": 302, **SHOWN},  # to its one row
    "queueapp/fleetdecision": SHOWN,
    "queueapp/apikey": {"add": 403, "delete": 200},
    "queueapp/webhook": {"add": 403, "delete": 200},
    "accounts/user": FULL,
    "auth/group": FULL,
    "axes/accessattempt": {"add": 403, "delete": 200},
}
"""Models in the admin: whether a superuser may add and delete. Staff need the permission, all others are sent away."""


def of_model(model: str, may: dict[str, int]) -> Iterator[Row]:
    """The rows of the admin's five pages of a model."""
    base, one = f"admin/{model}/", "<path:object_id>/"
    key = f"{base}{{{model.split('/')[1]}}}/"
    yield row(base, "GET", f"302 302 302 403 {may.get('list', 200)} 302")
    yield row(f"{base}add/", "GET", f"302 302 302 403 {may['add']} 302")
    yield row(f"{base}{one}change/", "GET", "302 302 302 403 200 302", f"{key}change/")
    yield row(f"{base}{one}delete/", "GET", f"302 302 302 403 {may['delete']} 302", f"{key}delete/")
    yield row(f"{base}{one}history/", "GET", "302 302 302 403 200 302", f"{key}history/")
    yield row(f"{base}{one}", "GET", "302 302 302 302 302 302", key)  # to the page of changes


MATRIX = [*ROWS, *(found for model, may in ADMIN.items() for found in of_model(model, may))]


def addresses(resolver: URLResolver, before: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Every address below this one."""
    for pattern in resolver.url_patterns:
        address = before + re.sub(r"^\^\(\?P<app_label>.*\)/\$$", "<app_label>/", str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern, address)
        else:
            yield address, pattern


def test_every_address_has_a_row_and_every_row_an_address() -> None:
    assert {address for address, _ in addresses(get_resolver())} == {found.address for found in MATRIX}


def test_every_method_of_the_api_has_a_row() -> None:
    tested = {(found.address, found.method) for found in MATRIX}
    for address, pattern in addresses(get_resolver()):
        view = getattr(pattern.callback, "cls", None)
        for method in ("get", "post", "put", "patch", "delete"):
            if hasattr(view, method):
                assert (address, method.upper()) in tested


@pytest.fixture
def things() -> dict[str, Any]:
    """One of each model, by the name that paths have."""
    everyone_takes_turns()
    people = {name: make_user(name) for name in ("ada", "bob", "gil")}
    make_user("clerk", is_staff=True)
    make_user("boss", is_staff=True, is_superuser=True)
    submit_jobs(people["ada"], "theirs")
    register("cluster")
    pause("maintenance", task="checksum")
    prefix = prefix_of(new_key(people["ada"], "read"))
    hook = make_webhook(Owner.objects.get(user=people["ada"]), NewWebhook(url="https://example.org/theirs"))
    delivery = send_test(hook)
    Fleet.objects.create(pk=1)
    FleetDecision.objects.create(before=1, wished=2, alive=1, reason="7.0 are needed now")
    made = [ApiKey, Fleet, FleetDecision, Flow, Job, Owner, Pause, Processor, PriorityRule]
    found = {model.__name__.lower(): model._default_manager.earliest("pk").pk for model in made}
    attempt = Client().post("/login/", {"username": "eve", "password": "wrong"})
    assert attempt.status_code == 200
    return found | {
        "user": people["bob"].pk,
        "group": Group.objects.create(name="Readers").pk,
        "accessattempt": _latest("axes.AccessAttempt"),
        "prefix": prefix,
        "webhook": hook.pk,
        "delivery": delivery,
        "secret": share(Job.objects.get(name="theirs"), [], timedelta(hours=1)),
    }


def _latest(model: str) -> Any:
    from django.apps import apps

    return apps.get_model(model)._default_manager.latest("pk").pk


@pytest.mark.django_db
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", EVERYONE)
def test_who_gets_which_answer(name: str, things: dict[str, Any]) -> None:
    client = Client()
    if name != "nobody":
        client.force_login(User.objects.get(username=name))
    session = client.cookies.output(header="")
    User.objects.filter(username="gil").update(is_active=False)
    got = {}
    for asked in MATRIX:
        client.cookies = SimpleCookie(session)
        with transaction.atomic():
            got[str(asked)] = _ask(client, asked, asked.path.format(**things))
            transaction.set_rollback(True)
    assert got == {str(asked): asked.answers[EVERYONE.index(name)] for asked in MATRIX}


def _ask(client: Client, asked: Row, path: str) -> int:
    json = {"content_type": "application/json"} if path.startswith("/api/") else {}
    data = {} if asked.data is None else {"data": asked.data, **json}
    return int(getattr(client, asked.method.lower())(path, **data).status_code)


SCOPES = {
    (f"{API}jobs/", "GET"): "read",
    (f"{API}jobs/", "POST"): "submit",
    (f"{API}jobs/bulk/", "POST"): "submit",
    (f"{API}jobs/cancel/", "POST"): "cancel",
    (f"{API}jobs/retry/", "POST"): "cancel",
    (JOB, "GET"): "read",
    (JOB, "DELETE"): "cancel",
    (f"{API}jobs/move/", "POST"): "cancel",
    (RETRY, "POST"): "cancel",
    (WHY, "GET"): "read",
    (LOG, "GET"): "read",
    (MOVE, "POST"): "cancel",
    (f"{API}queue/", "GET"): "read",
    (f"{API}use/", "GET"): "read",
    (f"{API}events/", "GET"): "read",
}
"""The scope that a key needs. All else of the API is closed to keys, but for what is open to anybody."""
OPEN = {f"{API}token/", f"{API}token/refresh/", f"{API}token/revoke/"}
BY_KEY = [
    asked
    for asked in MATRIX
    if (asked.address.startswith(API) and asked.address not in (f"{API}schema/", f"{API}docs/"))
    or asked.path in ("/", "/keys/", "/admin/", "/admin/queueapp/job/")
]
"""What keys are tried on: the API, and some of the pages, all of which ask the same session for the user."""
KEYS = {
    "ada's to submit": ("ada", "ada", ["submit"]),
    "ada's to read": ("ada", "ada", ["read"]),
    "ada's to cancel": ("ada", "ada", ["cancel"]),
    "the boss's": ("boss", "bob", ["submit", "read", "cancel"]),  # no more than any user's
    "the boss's for staff": ("boss", "boss", ["submit", "read", "cancel", "staff"]),
}
"""Keys: whose each is, whose column has its answers, and its scopes."""
DEAD = {"revoked": "ada", "expired": "ada", "of one without an account": "gil", "with a wrong secret": "ada"}


def by_key(asked: Row, column: str, scopes: list[str]) -> int:
    """What a request with a key is answered with. Pages and the admin take no keys."""
    if not asked.address.startswith(API) or asked.address in OPEN:
        return asked.answers[EVERYONE.index("nobody")]
    if SCOPES.get((asked.address, asked.method)) not in scopes:
        return 403
    return asked.answers[EVERYONE.index(column)]


def ask_all(things: dict[str, Any], key: str) -> dict[str, int]:
    """The answers to a key."""
    got = {}
    for asked in BY_KEY:
        with transaction.atomic():
            got[str(asked)] = _ask(Client(headers=bearer(key)), asked, asked.path.format(**things))
            transaction.set_rollback(True)
    return got


@pytest.mark.django_db
@pytest.mark.parametrize("name", KEYS)
def test_what_a_key_opens(name: str, things: dict[str, Any]) -> None:
    whose, column, scopes = KEYS[name]
    key = new_key(User.objects.get(username=whose), *scopes)
    assert ask_all(things, key) == {str(asked): by_key(asked, column, scopes) for asked in BY_KEY}


@pytest.mark.django_db
@pytest.mark.parametrize("name", DEAD)
def test_a_key_that_does_not_hold_opens_nothing(name: str, things: dict[str, Any]) -> None:
    key = new_key(User.objects.get(username=DEAD[name]), "submit", "read", "cancel")
    made = ApiKey.objects.filter(prefix=prefix_of(key))
    if name == "revoked":
        made.delete()
    elif name == "expired":
        made.update(expires_at=timezone.now() - timedelta(seconds=1))
    elif name == "of one without an account":
        User.objects.filter(username="gil").update(is_active=False)
    else:
        key = key[:-1] + ("a" if key[-1] != "a" else "b")
    answers = ask_all(things, key)
    for asked in BY_KEY:
        closed = asked.address.startswith(API) and asked.address not in OPEN
        assert answers[str(asked)] == (401 if closed else asked.answers[EVERYONE.index("nobody")]), asked


@pytest.mark.django_db
def test_what_is_not_ones_own_is_not_there_in_the_same_words(things: dict[str, Any]) -> None:
    client = Client()
    client.force_login(User.objects.get(username="bob"))
    for ask_for in (client.get, client.delete):
        theirs, nobodys = (ask_for(f"/api/v1/jobs/{name}/") for name in ("theirs", "nobodys"))
        assert (theirs.status_code, theirs.content) == (nobodys.status_code, nobodys.content)
    for path in ("jobs/?user={}", "jobs/theirs/?user={}", "jobs/theirs/retry/?user={}"):
        method = client.post if "retry" in path else client.get
        known, unknown = (method(f"/api/v1/{path.format(name)}") for name in ("ada", "eve"))
        assert (known.status_code, known.content) == (unknown.status_code, unknown.content) == (403, known.content)
