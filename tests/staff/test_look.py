"""Staff look at the pages of another owner: only to read, only while the look is open, and the history keeps it."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import get_resolver

from queueapp.lifecycle.processors import register
from queueapp.models import ApiKey, Job, JobShare, Outcome, Owner, Processor, Waiting
from tests.api.test_authorisation import addresses
from tests.kit.keys import new_key, prefix_of
from tests.kit.queue import everyone_takes_turns, make_user, run_all, submit_jobs

pytestmark = pytest.mark.django_db

AGAIN = {"do": "run", "job_id": "new", "payload": "", "duration": "1", "task": "wait"}
MANY = {"do": "cancel", "all": "1", "sure": "1"}


@pytest.fixture
def ada() -> Any:
    """A user with a job that has ended, and one that waits."""
    everyone_takes_turns()
    user = make_user("ada")
    submit_jobs(user, "done", "waits")
    run_all(register("c").pk, limit=1)
    return user


@pytest.fixture
def viewer() -> Client:
    """The browser of staff who may only look."""
    user = make_user("viewer", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_console"))
    client = Client()
    client.force_login(user)
    return client


def look(client: Client, user: str = "ada", next: str = "") -> Any:
    """Open a look, as the page that asks does."""
    return client.post("/staff/look/", {"user": user, "reason": "ticket 7", "next": next})


def text(client: Client, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status
    return answer.content.decode()


def test_staff_see_what_the_user_sees_under_a_banner(ada: Any, viewer: Client) -> None:
    asked = viewer.get("/jobs/?user=ada", follow=True)
    assert asked.redirect_chain[0][0].startswith("/staff/look/?user=ada&next=")
    assert 'name="user" value="ada"' in asked.content.decode()
    assert look(viewer, next="/jobs/?user=ada").headers["Location"] == "/jobs/?user=ada"
    for address in ("/?user=ada", "/jobs/?user=ada", "/jobs/waits/?user=ada"):
        page = text(viewer, address)
        assert "You look as <strong><bdi>ada</bdi></strong>; nothing can be changed." in page
        main = page.partition("<main")[2].partition("</main>")[0]
        buttons = re.findall(r"<button[^>]*>([^<]*)", main)
        assert [name for name in buttons if name not in ("Find",)] == ["Stop looking"]
        links = [unescape(href) for href in re.findall(r'<a [^>]*href="(/jobs/[^"]*)"', page.partition("<main")[2])]
        assert links
        assert all("user=ada" in href for href in links)
    home = text(viewer, "/?user=ada")
    assert 'data-job-id="waits"' in home
    assert 'data-job-id="done"' in home
    assert "submit-form" not in home


def test_who_looked_at_whom_when_and_why_is_kept(ada: Any, viewer: Client) -> None:
    look(viewer)
    viewer.post("/staff/look/end/")
    entries = list(LogEntry.objects.order_by("pk"))
    assert [entry.change_message for entry in entries] == [
        "Looked at the pages for 30 minutes: ticket 7",
        "Stopped looking at the pages.",
    ]
    assert {(entry.user.get_username(), entry.object_repr) for entry in entries} == {("viewer", "ada")}
    assert "ticket 7" in text(viewer, "/staff/decisions/")


def test_a_look_ends_by_a_click_by_time_and_at_log_out(ada: Any, viewer: Client) -> None:
    look(viewer)
    text(viewer, "/?user=ada")
    viewer.post("/staff/look/end/")
    text(viewer, "/?user=ada", 302)
    look(viewer)
    pass_time(viewer, 29)
    text(viewer, "/?user=ada")
    pass_time(viewer, 2)
    text(viewer, "/?user=ada", 302)
    look(viewer)
    viewer.logout()
    viewer.force_login(make_user("another", is_staff=True, is_superuser=True))
    text(viewer, "/?user=ada", 302)


def pass_time(client: Client, minutes: int) -> None:
    """That the look was opened so many minutes earlier."""
    session = client.session
    session["queueapp_look"]["until"] -= minutes * 60
    session.save()


def test_a_look_at_one_is_not_a_look_at_another(ada: Any, viewer: Client) -> None:
    make_user("bob")
    look(viewer)
    text(viewer, "/?user=bob", 302)
    look(viewer, "bob")
    text(viewer, "/?user=bob")
    text(viewer, "/?user=ada", 302)


def test_the_permission_to_look_is_asked_for_at_every_page(ada: Any, viewer: Client) -> None:
    look(viewer)
    text(viewer, "/?user=ada")
    from queueapp.user_model import user_named

    user: Any = user_named("viewer")
    user.user_permissions.clear()
    text(viewer, "/?user=ada", 403)


def test_a_key_can_be_looked_at(viewer: Client) -> None:
    everyone_takes_turns()
    submit_jobs(Owner.objects.of_key("team/a"), "of-a-team")
    assert viewer.post("/staff/look/", {"key": "team/a", "reason": "x"}).headers["Location"] == "/?key=team%2Fa"
    assert 'data-job-id="of-a-team"' in text(viewer, "/?key=team/a")


@pytest.mark.parametrize(
    "next", ["https://example.org/?user=ada", "//example.org/?user=ada", "/jobs/?user=bob", "javascript:x?user=ada", ""]
)
def test_it_leads_nowhere_but_to_that_users_pages(ada: Any, viewer: Client, next: str) -> None:
    assert look(viewer, next=next).headers["Location"] == "/?user=ada"


def test_no_unsafe_request_to_any_page_changes_anything_of_the_user(ada: Any) -> None:
    client = Client()
    client.force_login(make_user("boss", is_staff=True, is_superuser=True))
    look(client)
    prefix = prefix_of(new_key(ada, "read"))
    before = state()
    names = {"job_id": "waits", "prefix": prefix, "name": "stop", "webhook": "1", "secret": "x", "language": "de"}
    tried = 0
    for address, _ in addresses(get_resolver()):
        if address.startswith(("admin/", "api/", "docs/")):  # there, staff act in their own name, and it is noted
            continue
        path = "/" + re.sub(r"<\w+:(\w+)>", lambda found: names[found[1]], address)
        for method in ("post", "put", "patch", "delete"):
            if (address, method) == ("staff/look/", "post") or "logout" in address:
                continue
            for data in ({"do": "cancel"}, MANY, {"do": "share"}, AGAIN, {"seen": "9"}):
                getattr(client, method)(f"{path}?user=ada", data if method == "post" else "{}")
                tried += 1
    assert tried > 50
    assert state() == before
    assert client.post("/jobs/waits/?user=ada", {"do": "cancel"}).status_code == 403


def state() -> list[Any]:
    """All that pages could change of a user."""
    of_ada = Owner.objects.get(user__username="ada")
    models = (Job, Waiting, Outcome)
    return [
        *(sorted(map(str, model._default_manager.filter(owner=of_ada).values_list())) for model in models),
        list(ApiKey.objects.filter(user__username="ada").values_list()),
        JobShare.objects.count(),
        list(Processor.objects.values_list("cancelling")),
        of_ada.failures_seen,
    ]


def test_the_api_never_acts_as_the_user(ada: Any, viewer: Client) -> None:
    look(viewer)
    assert viewer.get("/api/v1/queue/").json()["waiting"] == []
    posted = viewer.post("/api/v1/jobs/", {"job_id": "mine", "duration": 1}, content_type="application/json")
    assert posted.status_code == 201
    assert Job.objects.get(name="mine").owner.name == "viewer"
