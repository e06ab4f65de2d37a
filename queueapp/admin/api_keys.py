"""API keys of all users: to view and to revoke. The secret of none is known here."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.http import HttpRequest

from queueapp.models import ApiKey

from .base import QueueAdmin, ReadOnlyAdmin


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin[ApiKey]):
    """API keys. To revoke one is to delete it: the admin's history says who did, and programs are refused at once."""

    list_display = ("prefix", "name", "of_user", "may", "created_at", "expires_at", "last_used_at")
    list_select_related = ("user",)
    ordering = ("-created_at",)
    fields = ("prefix", "name", "of_user", "may", "created_at", "expires_at", "last_used_at")
    search_help_text = "The beginning of a key, or of a user name."

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """Search by how the key or the user name begins."""
        return "prefix__startswith", f"user__{get_user_model().USERNAME_FIELD}__startswith"

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        """Whether the permission to delete keys says so."""
        return QueueAdmin.has_delete_permission(self, request, obj)

    @admin.display(description="user")
    def of_user(self, key: ApiKey) -> str:
        return key.user.get_username()

    @admin.display(description="may")
    def may(self, key: ApiKey) -> str:
        """Return the scopes."""
        return ", ".join(key.scopes)
