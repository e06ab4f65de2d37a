"""API keys in the admin: found by how they begin, revoked, and never shown."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client

from queueapp.models import ApiKey
from tests.kit.keys import bearer, new_key, prefix_of
from tests.kit.queue import make_user

pytestmark = pytest.mark.django_db
LIST = "/admin/queueapp/apikey/"


def test_staff_find_a_leaked_key_and_revoke_it() -> None:
    ada, clerk = make_user("ada"), make_user("clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename__in=["view_apikey", "delete_apikey"]))
    leaked, other = new_key(ada, "read"), new_key(make_user("bob"), "read")
    staff = Client()
    staff.force_login(clerk)
    found = staff.get(LIST, {"q": prefix_of(leaked)}).content.decode()
    assert prefix_of(leaked) in found
    assert prefix_of(other) not in found
    assert prefix_of(other) in staff.get(LIST, {"q": "bo"}).content.decode()
    key = ApiKey.objects.get(prefix=prefix_of(leaked))
    page = staff.get(f"{LIST}{key.pk}/change/").content.decode()
    assert "ada" in page
    for text in (found, page):
        assert key.digest not in text
        assert leaked.rpartition("_")[2] not in text
    assert staff.post(f"{LIST}{key.pk}/change/", {"name": "renamed", "scopes": "read,staff"}).status_code == 403
    assert staff.post(f"{LIST}{key.pk}/delete/", {"post": "yes"}).status_code == 302
    assert Client(headers=bearer(leaked)).get("/api/v1/queue/").status_code == 401
    assert Client(headers=bearer(other)).get("/api/v1/queue/").status_code == 200
    assert prefix_of(leaked) in LogEntry.objects.get(user=clerk).object_repr


def test_staff_who_may_delete_users_may_delete_those_with_keys() -> None:
    ada, clerk = make_user("ada"), make_user("clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename__in=["view_user", "delete_user"]))
    new_key(ada, "read")
    staff = Client()
    staff.force_login(clerk)
    assert staff.post(f"/admin/accounts/user/{ada.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not ApiKey.objects.exists()
