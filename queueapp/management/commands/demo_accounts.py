"""manage.py demo_accounts: make the demo accounts, where they are missing."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from queueapp.demo import ACCOUNTS
from queueapp.models import User


class Command(BaseCommand):
    help = "Make the demo accounts, with a password that everyone knows: for a machine of your own only."

    def add_arguments(self, parser: CommandParser) -> None:
        """--quiet says nothing."""
        parser.add_argument("--quiet", action="store_true", help="say nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Accounts that exist are left as they are, with their passwords."""
        for name, password, _ in ACCOUNTS:
            if User.objects.filter(username=name).exists():
                continue
            if name == "admin":
                User.objects.create_superuser(name, password=password)
            else:
                User.objects.create_user(name, password=password)
            if not options["quiet"]:
                self.stdout.write(f"Made {name}.")
