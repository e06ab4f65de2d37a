"""manage.py processors: run a cluster of processors until Ctrl-C or SIGTERM."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from queueapp.workers.supervisor import Supervisor


class Command(BaseCommand):
    help = "Run a cluster of PROCESSORS processors until Ctrl-C or SIGTERM; running jobs get time to end."
    requires_migrations_checks = True

    def handle(self, *args: Any, **options: Any) -> None:
        """Returns when the cluster has stopped and nothing of it is left."""
        Supervisor().run()
