"""Makes the two groups of the operations console."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group, Permission
from django.core.management.base import BaseCommand

GROUPS = {"Queue viewers": ["view_console"], "Queue operators": ["view_console", "operate"]}
"""The groups and the permissions that they have at least."""


class Command(BaseCommand):
    """Makes the groups, or adds what they lack. Who is in one must be staff, too."""

    help = "Make the groups “Queue viewers” and “Queue operators”, with the permissions of the operations console."

    def handle(self, *args: Any, **options: Any) -> None:
        for name, codenames in GROUPS.items():
            group, _ = Group.objects.get_or_create(name=name)
            permissions = Permission.objects.filter(content_type__app_label="queueapp", codename__in=codenames)
            group.permissions.add(*permissions)
        if options["verbosity"]:
            self.stdout.write(f"The groups are there: {', '.join(GROUPS)}.")
