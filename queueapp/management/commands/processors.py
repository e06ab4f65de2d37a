"""manage.py processors: run a cluster of processors until Ctrl-C or SIGTERM."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from queueapp.conf import queue_settings
from queueapp.db.sessions import bound_as
from queueapp.workers.capacity import await_readiness
from queueapp.workers.supervisor import Supervisor


class Command(BaseCommand):
    help = "Run a cluster of PROCESSORS processors until Ctrl-C or SIGTERM; running jobs get time to end."

    def handle(self, *args: Any, **options: Any) -> None:
        """Returns when the cluster has stopped and nothing of it is left. Raises as await_readiness()."""
        bound_as("processors")
        try:
            await_readiness(queue_settings().MAX_PROCESSORS)
        except KeyboardInterrupt:
            return
        Supervisor().run()
