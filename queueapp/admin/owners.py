"""Owners: users and fairness keys, and the flow that the next job of each joins."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.http import HttpRequest
from django.utils.safestring import SafeString

from queueapp.models import Owner

from .base import ReadOnlyAdmin
from .formatting import EMPTY_VALUE, link


@admin.register(Owner)
class OwnerAdmin(ReadOnlyAdmin[Owner]):
    """Owners, to view. An owner's history says who else submitted in its name."""

    list_display = ("name", "kind", "flow_now")
    list_select_related = ("user", "flow__owner__user", "flow__rule")
    ordering = ("pk",)
    fields = ("of_user", "key", "flow_now")
    search_help_text = "The beginning of a user name or of a key."

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """Search by how the user name or the key begins."""
        return f"user__{get_user_model().USERNAME_FIELD}__startswith", "key__startswith"

    @admin.display(description="owner")
    def name(self, owner: Owner) -> str:
        """Return the user's name, or the key."""
        return owner.name

    @admin.display(description="is a")
    def kind(self, owner: Owner) -> str:
        return "key" if owner.user_id is None else "user"

    @admin.display(description="user")
    def of_user(self, owner: Owner) -> SafeString | str:
        """Return the user, as a link if the admin has a page of users."""
        if owner.user is None:
            return EMPTY_VALUE
        return link(owner.user) if self.admin_site.is_registered(type(owner.user)) else owner.name

    @admin.display(description="flow")
    def flow_now(self, owner: Owner) -> SafeString | str:
        """Return a link to the flow that its next job joins. The priority rules decide which."""
        return link(owner.flow)
