"""The queue in a place that the project chose: every address follows from its name."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from tests.kit.queue import everyone_takes_turns, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.host.elsewhere")]
ROOT = "/work/queue/"


@pytest.fixture
def client() -> Client:
    """The browser of a person who has logged in."""
    everyone_takes_turns()
    browser = Client()
    browser.force_login(make_user("ada@example.org"))
    return browser


def test_the_page_names_its_addresses(client: Client) -> None:
    page = client.get(ROOT).content.decode()
    assert 'data-user="ada@example.org"' in page
    assert f'data-jobs="{ROOT}api/v1/jobs/"' in page
    assert f'<a class="brand" href="{ROOT}">' in page
    assert "Log out" not in page, "this project has no address of that name"


def test_a_job_is_submitted_and_says_where_it_is(client: Client) -> None:
    answer = client.post(f"{ROOT}api/v1/jobs/", {"job_id": "a", "duration": 1}, content_type="application/json")
    assert answer.status_code == 201
    assert answer["Location"] == f"http://testserver{ROOT}api/v1/jobs/a/"
    assert client.get(answer["Location"]).json()["user"] == "ada@example.org"
    assert ROOT + "api/v1/events/" in client.get(reverse("queueapp:schema")).content.decode()


def test_errors_of_the_api_are_problems_there_and_pages_elsewhere(client: Client) -> None:
    assert client.get(f"{ROOT}api/v1/nowhere/")["Content-Type"] == "application/problem+json"
    assert client.get("/api/v1/nowhere/")["Content-Type"].startswith("text/html")
    assert client.post(f"{ROOT}api/v1/jobs/", {"job_id": "a"}, content_type="application/json").status_code == 400


def test_rules_name_people_and_pauses_find_them(client: Client) -> None:
    boss = Client()
    boss.force_login(make_user("boss@example.org", is_staff=True, is_superuser=True))
    ada = make_user("eve@example.org")
    for page, fields in (
        ("priorityrule", {"name": "Eve", "position": 1, "weight": 2, "sharing": "separately", "users": [ada.pk]}),
        ("pause", {"user": ada.pk, "reason": "audit"}),
    ):
        place = reverse(f"admin:queueapp_{page}_add")
        assert place.startswith("/office/")
        assert boss.get(place).status_code == 200
        assert boss.post(place, fields).status_code == 302
        assert (
            "eve@example.org" in boss.get(reverse("admin:queueapp_pause_changelist")).content.decode()
            or page != "pause"
        )
    assert "user eve@example.org" in boss.get(reverse("admin:queueapp_pause_changelist")).content.decode()
    found = boss.get(reverse("admin:queueapp_owner_changelist"), {"q": "eve@"}).content.decode()
    assert "eve@example.org" in found
    assert (
        reverse("admin:host_person_change", args=[ada.pk])
        in boss.get(reverse("admin:queueapp_owner_change", args=[ada.queue_owner.pk])).content.decode()
    )
