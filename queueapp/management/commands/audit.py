"""manage.py audit: say in words whether flows, jobs, processors and leases agree, and mend what can be mended."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from queueapp.lifecycle.maintenance import sweep
from queueapp.snapshots.audit import audit


class Command(BaseCommand):
    help = "Compare flows, jobs, processors and leases, and say in words what is off; exit code 1 if anything is."

    def add_arguments(self, parser: CommandParser) -> None:
        """The one option."""
        parser.add_argument(
            "--repair",
            action="store_true",
            help="First mend what can be mended: lost turns, counts of flows, flows that rest, are held or out of "
            "sight for nothing, rules that were not followed, jobs in the wrong flow. Work goes on meanwhile.",
        )

    def handle(self, *args: Any, repair: bool = False, **options: Any) -> None:
        """Raises CommandError with every finding that is left."""
        if repair:
            for finding in audit():
                self.stdout.write(f"Before the repair: {finding}")
            sweep.repair()
        if findings := audit():
            raise CommandError("\n".join(["Something is off:", *map(str, findings)]))
        self.stdout.write("All is well: no job is lost or doubled, and all counts are right.")
