"""manage.py audit: say in words whether flows, jobs, processors and leases agree."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from queueapp.snapshots.audit import audit


class Command(BaseCommand):
    help = "Compare flows, jobs, processors and leases, and say in words what is off; exit code 1 if anything is."

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError with every finding."""
        if findings := audit():
            raise CommandError("\n".join(["Something is off:", *map(str, findings)]))
        self.stdout.write("All is well: no job is lost or doubled, and all counts are right.")
