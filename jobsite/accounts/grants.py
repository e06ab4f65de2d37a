"""Limits in the admin for staff who are no superusers: they give to others only permissions that they have."""

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
    """A page of users or groups. Staff can only view those that have more permissions than they do."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether Django allows it and `obj` has no more permissions. Else staff could reset a superuser's password."""
        return super().has_change_permission(request, obj) and (obj is None or not has_more(obj, request.user))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether Django allows it and `obj` has no more permissions."""
        return super().has_delete_permission(request, obj) and (obj is None or not has_more(obj, request.user))

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Return Django's field. Its choices are the asker's permissions, and groups that have no others."""
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
    """Whether a user or group has a permission that the asker lacks. A deactivated user counts as if active."""
    if _is_superuser(asker):
        return False
    if getattr(other, "is_superuser", False):
        return True
    return permissions_of(other).exclude(pk__in=permissions_of(asker)).exists()


def permissions_of(holder: Model | AnonymousUser) -> QuerySet[Permission]:
    """Return the permissions of a group, or those of a user, its groups' included."""
    held = Q(group=holder.pk) if isinstance(holder, Group) else Q(user=holder.pk) | Q(group__user=holder.pk)
    return Permission.objects.filter(pk__in=Permission.objects.filter(held).values("pk"))


def _is_superuser(user: AbstractUser | AnonymousUser) -> bool:
    return user.is_active and user.is_superuser
