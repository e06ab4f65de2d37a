"""Webhooks in the admin: found, switched off, and without their secrets."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client

from queueapp.lifecycle.webhooks import NewWebhook, make_webhook
from queueapp.models import Webhook
from tests.kit.queue import make_owner, make_user

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
