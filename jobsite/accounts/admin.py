"""The admin's pages of users, with the flow that each one's next job joins, and of groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.db.models import Exists, Model, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from jobsite.accounts.grants import NoMoreThanOwn
from jobsite.accounts.models import User
from queueapp.admin.formatting import link
from queueapp.models import ApiKey, Flow, Job, Owner, PriorityRule, Webhook

from . import third_party  # noqa: F401 (registers)

M = TypeVar("M", bound=Model)
Chosen = Sequence[M] | QuerySet[M]
Deleted = tuple[list[str], dict[str, int], set[str], list[str]]
"""The result of get_deleted_objects(): names, numbers, missing permissions, and what prevents the deletion."""

if TYPE_CHECKING:
    BaseUserAdmin = UserAdmin[User]
else:
    BaseUserAdmin = UserAdmin


@admin.register(User)
class QueueUserAdmin(NoMoreThanOwn, BaseUserAdmin):
    """Django's page of users, with the flow of each."""

    list_display = ("username", "first_name", "last_name", "is_staff", "is_active", "flow_now")
    list_select_related = ("queue_owner__flow__owner__user", "queue_owner__flow__rule")
    show_full_result_count = False
    readonly_fields = ("flow_now",)
    fieldsets = (
        *(UserAdmin.fieldsets or ()),
        (
            "Queue",
            {
                "fields": ["flow_now"],
                "description": "The flow that the user's next job joins. "
                "The priority rules decide which, from the user's first job on.",
            },
        ),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        """Return the fields that cannot be edited. Only a superuser may change `is_superuser`."""
        mine = tuple(super().get_readonly_fields(request, obj))
        return mine if getattr(request.user, "is_superuser", False) else (*mine, "is_superuser")

    @admin.display(description="flow")
    def flow_now(self, user: User) -> SafeString | str:
        """Return a link to the user's flow; "-" if there is none."""
        owner: Owner | None = getattr(user, "queue_owner", None)
        return link(owner and owner.flow)

    def get_deleted_objects(self, objs: Chosen[User], request: HttpRequest) -> Deleted:
        """Return what would be deleted, and what prevents it: users' jobs, or a rule that names only these users.

        No job is loaded to find out.
        """
        with_jobs = User.objects.filter(Exists(Job.objects.filter(owner__user=OuterRef("pk"))), pk__in=_keys(objs))
        if in_the_way := [f"the jobs of {user} (make the user inactive instead)" for user in with_jobs]:
            return [], {}, set(), in_the_way
        in_the_way = _sole_mentions(PriorityRule.users.through, "user", PriorityRule.groups.through, objs)
        names, numbers, lacking, protected = super().get_deleted_objects(objs, request)
        # Owners without jobs, their flows, keys and webhooks go with the user. Nobody needs a permission for them.
        with_user = {model._meta.verbose_name for model in (Flow, Owner, ApiKey, Webhook)}
        return names, numbers, lacking - with_user, protected + in_the_way


admin.site.unregister(Group)


@admin.register(Group)
class QueueGroupAdmin(NoMoreThanOwn, GroupAdmin):  # type: ignore[misc]  # its stub allows None as the request
    """Django's page of groups."""

    def get_deleted_objects(self, objs: Chosen[Group], request: HttpRequest) -> Deleted:
        """Return what would be deleted, and what prevents it: a rule that names only these groups."""
        in_the_way = _sole_mentions(PriorityRule.groups.through, "group", PriorityRule.users.through, objs)
        names, numbers, lacking, protected = super().get_deleted_objects(objs, request)
        return names, numbers, lacking, protected + in_the_way


def _keys(objs: Chosen[M]) -> list[int]:
    return [obj.pk for obj in objs]


def _sole_mentions(mentions: type[Model], field: str, other_mentions: type[Model], objs: Chosen[M]) -> list[str]:
    """Return a sentence for each rule that names only these objects. Without them it would cover everyone."""
    named = mentions._default_manager.filter(priorityrule=OuterRef("pk"))
    going = {f"{field}__in": _keys(objs)}
    others = other_mentions._default_manager.filter(priorityrule=OuterRef("pk"))
    rules = PriorityRule.objects.filter(
        Exists(named.filter(**going)), ~Exists(named.exclude(**going)), ~Exists(others), keys=[]
    )
    return [f"priority rule {rule}, which names nobody else and would then cover everyone" for rule in rules]
