"""Webhooks in the admin: found, switched off, and without their secrets."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client

from queueapp.lifecycle.digests import choose_digest
from queueapp.lifecycle.webhooks import NewWebhook, make_webhook
from queueapp.models import Digest, Webhook
from tests.kit.queue import make_owner, make_user, user_of

pytestmark = pytest.mark.django_db
LIST = "/admin/queueapp/webhook/"


def test_staff_find_a_webhook_and_switch_it_off() -> None:
    hook = make_webhook(make_owner("ada"), NewWebhook(url="https://hook.example.org/ada"))
    make_webhook(make_owner("bob"), NewWebhook(url="https://hook.example.org/other"))
    clerk, staff = make_user("clerk", is_staff=True), Client()
    clerk.user_permissions.set(Permission.objects.filter(codename="view_webhook"))
    staff.force_login(clerk)
    pages = [staff.get(LIST, {"q": "ad"}), staff.get(f"{LIST}{hook.pk}/change/")]
    for page in pages:
        assert "hook.example.org/ada" in page.content.decode()
        assert "hook.example.org/other" not in page.content.decode()
        assert "whsec_" not in page.content.decode()
    off = {"action": "switch_off", "_selected_action": [hook.pk]}
    staff.post(LIST, off)
    assert Webhook.objects.filter(enabled=True).count() == 2, "that needs another permission"
    clerk.user_permissions.set(Permission.objects.filter(codename__in=["view_webhook", "delete_webhook"]))
    assert staff.post(LIST, off).status_code == 302
    hook.refresh_from_db()
    assert (hook.enabled, hook.off_reason) == (False, "Staff switched it off.")
    assert Webhook.objects.filter(enabled=True).count() == 1
    assert LogEntry.objects.get(user=clerk).object_repr == hook.url


def test_staff_who_may_delete_users_may_delete_those_with_notices() -> None:
    ada, clerk, staff = make_owner("ada"), make_user("clerk", is_staff=True), Client()
    make_webhook(ada, NewWebhook(url="https://hook.example.org/ada"))
    choose_digest(ada, Digest.Period.DAILY, "http://testserver/notices/", 0)
    clerk.user_permissions.set(Permission.objects.filter(codename__in=["view_user", "delete_user"]))
    staff.force_login(clerk)
    assert staff.post(f"/admin/accounts/user/{user_of(ada).pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Webhook.objects.exists()
    assert not Digest.objects.exists()
