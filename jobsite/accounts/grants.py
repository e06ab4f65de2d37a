"""What staff who are no superusers may give to others in the admin: no more than they have themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.admin import ModelAdmin
from django.contrib.auth.models import AbstractUser, AnonymousUser, Group, Permission
from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.http import HttpRequest

if TYPE_CHECKING:
    Base = ModelAdmin[Any]
else:
    Base = object


class NoMoreThanOwn(Base):
    """A page of users or groups. Those that have more than who asks are only shown, and cannot be deleted either."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As Django has it; but nobody resets the password of somebody who may do more."""
        return super().has_change_permission(request, obj) and (obj is None or not has_more(obj, request.user))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As Django has it, but for those who may do more."""
        return super().has_delete_permission(request, obj) and (obj is None or not has_more(obj, request.user))

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """As Django has it; to choose from are permissions that the asker has, and groups that have no others."""
        field: Any = super().formfield_for_manytomany(db_field, request, **kwargs)
        if field is None or _is_superuser(request.user):
            return field
        own = permissions_of(request.user)
        if db_field.related_model is Permission:
            field.queryset = field.queryset.filter(pk__in=own)
        elif db_field.related_model is Group:
            others = Permission.objects.exclude(pk__in=own)
            field.queryset = field.queryset.exclude(Exists(others.filter(group=OuterRef("pk"))))
        return field


def has_more(other: Model, asker: AbstractUser | AnonymousUser) -> bool:
    """Whether a user or group is allowed what the asker is not; of a user also if it is deactivated just now."""
    if _is_superuser(asker):
        return False
    if getattr(other, "is_superuser", False):
        return True
    return permissions_of(other).exclude(pk__in=permissions_of(asker)).exists()


def permissions_of(holder: Model | AnonymousUser) -> QuerySet[Permission]:
    """The permissions of a group, or of a user by itself and by its groups."""
    held = Q(group=holder.pk) if isinstance(holder, Group) else Q(user=holder.pk) | Q(group__user=holder.pk)
    return Permission.objects.filter(pk__in=Permission.objects.filter(held).values("pk"))


def _is_superuser(user: AbstractUser | AnonymousUser) -> bool:
    return user.is_active and user.is_superuser
