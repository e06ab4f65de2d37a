"""Webhooks of all users: to view, to switch off and to delete. The secret of none is shown."""

from __future__ import annotations

from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.http import HttpRequest

from queueapp.i18n import gettext_noop
from queueapp.lifecycle.webhooks import switch_off
from queueapp.models import Webhook

from .base import QueueAdmin, ReadOnlyAdmin


@admin.register(Webhook)
class WebhookAdmin(ReadOnlyAdmin[Webhook]):
    """Webhooks. Their owners make and change them."""

    list_display = ("url", "owner", "tells", "enabled", "off_reason", "failures", "created_at")
    list_select_related = ("owner__user",)
    list_filter = ("enabled",)
    ordering = ("-created_at",)
    fields = list_display
    actions = ("switch_off",)
    search_help_text = "A part of an address, or the beginning of a user name."

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """Search by the address, or by how the user name begins."""
        return "url", f"owner__user__{get_user_model().USERNAME_FIELD}__startswith"

    def has_delete_permission(self, request: HttpRequest, obj: Webhook | None = None) -> bool:
        """Whether the permission to delete webhooks says so."""
        return QueueAdmin.has_delete_permission(self, request, obj)

    @admin.display(description="tells")
    def tells(self, hook: Webhook) -> str:
        """Return the ends that it is told of."""
        return ", ".join(hook.statuses)

    @admin.action(description="Switch off", permissions=["delete"])
    def switch_off(self, request: HttpRequest, hooks: QuerySet[Webhook]) -> None:
        """Switch webhooks off. Their owners see why, and can switch them on again."""
        chosen = list(hooks)
        switch_off([hook.pk for hook in chosen], gettext_noop("Staff switched it off."))
        for hook in chosen:
            self.log_change(request, hook, "Switched off.")
        self.message_user(request, f"{len(chosen)} switched off.", messages.SUCCESS)
