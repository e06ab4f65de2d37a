"""manage.py processors: run a cluster of processors until Ctrl-C or SIGTERM, or check one that runs."""

from __future__ import annotations

import logging
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from queueapp.conf import queue_settings
from queueapp.db.sessions import bound_as
from queueapp.workers.capacity import await_readiness
from queueapp.workers.django_q2 import configure
from queueapp.workers.health import Health, silence
from queueapp.workers.supervisor import Supervisor


class Command(BaseCommand):
    help = "Run a cluster of PROCESSORS processors until Ctrl-C or SIGTERM; running jobs get time to end."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="Only check that a cluster is alive on this host: see HEALTH_FILE."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Returns when the cluster has stopped and nothing of it is left.

        Raises CommandError, in one sentence, where await_readiness() or the supervisor finds something wrong, or, with
        `check`, if the cluster counts as dead.
        """
        try:
            if options["check"]:
                if said := silence():
                    raise CommandError(said)
                return
            _run()
        except ImproperlyConfigured as wrong:
            raise CommandError(str(wrong)) from wrong


def _run() -> None:
    _show_log()
    bound_as("processors")
    configure()
    try:
        health = Health()
        await_readiness(queue_settings().MAX_PROCESSORS, health)
    except KeyboardInterrupt:
        return
    Supervisor(health).run()


def _show_log() -> None:
    """Write the queue's log to standard error if the project's LOGGING, like Django's default, sends it nowhere."""
    if not logging.getLogger().hasHandlers():
        logging.basicConfig(format="{asctime} {levelname:<7} {name}: {message}", style="{")
        logging.getLogger("queueapp").setLevel(logging.INFO)
