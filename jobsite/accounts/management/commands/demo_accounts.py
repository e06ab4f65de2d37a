"""manage.py demo_accounts: make the demo accounts, or shut them."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.hashers import make_password
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.db import connection, transaction

from jobsite.accounts.demo import ACCOUNTS, PASSWORD
from jobsite.accounts.models import User


class Command(BaseCommand):
    help = "Make the demo accounts, with a password that everyone knows: for a machine of your own only."

    def add_arguments(self, parser: CommandParser) -> None:
        """All are for `make run`."""
        parser.add_argument("--migrate", action="store_true", help="migrate first: two commands would start twice")
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--first", action="store_true", help="only where no user was ever made; list them")
        which.add_argument("--shut", action="store_true", help="make nothing; end log-ins with the known password")

    def handle(self, *args: Any, **options: Any) -> None:
        """Accounts that exist are left as they are, with their passwords, unless they are to be shut."""
        if options["migrate"]:
            call_command("migrate", verbosity=0, skip_checks=False)
        if options["shut"]:
            self._shut()
        elif not options["first"]:
            for name in _make_missing():
                self.stdout.write(f"Made {name}.")
        else:
            if not _user_was_ever_made():
                _make_missing()
            there = User.objects.filter(is_active=True).values_list("username", flat=True)
            for name, password, what in ACCOUNTS:
                if name in there.filter(username=name):
                    self.stdout.write(f"{name:<6} password {password}   {what}")

    def _shut(self) -> None:
        for user in User.objects.filter(username__in=[name for name, _, _ in ACCOUNTS]):
            if user.check_password(PASSWORD):
                user.set_unusable_password()
                user.save(update_fields=["password"])
                self.stdout.write(f"Shut the demo account {user}: everybody knows its password.")


@transaction.atomic
def _make_missing() -> list[str]:
    """The names of the demo accounts that were missing, and are made now: all or none."""
    there = set(User.objects.values_list("username", flat=True).filter(username__in=[name for name, _, _ in ACCOUNTS]))
    missing = [name for name, _, _ in ACCOUNTS if name not in there]
    password = make_password(PASSWORD)
    for name in missing:
        staff = name == "admin"
        User.objects.create(username=name, password=password, is_staff=staff, is_superuser=staff)
    return missing


def _user_was_ever_made() -> bool:
    """Whether this database ever had a user, by the sequence of their ids: the owner may have deleted them all."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_serial_sequence(%s, 'id')", [User._meta.db_table])
        (sequence,) = cursor.fetchone()
        cursor.execute(f"SELECT is_called FROM {sequence}")  # noqa: S608 (the database's own, quoted name)
        (called,) = cursor.fetchone()
    return bool(called)
