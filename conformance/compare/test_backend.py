"""The suite for the backend of the settings, whichever of the four it is."""

from __future__ import annotations

import os

from django.core.management import call_command
from django.test import TransactionTestCase

from django_tasks_conformance import BackendConformance
from queueapp.testing import run_jobs

_NAME = os.environ["CONFORMANCE_BACKEND"].rpartition(".")[2]


class TestBackend(BackendConformance, TransactionTestCase):
    """The suite. Every backend runs its tasks in this process, by its own worker.

    db_worker closes connections, which ends the transaction of a TestCase.
    """

    runs = _NAME != "DummyBackend"

    def run_tasks(self) -> None:
        if _NAME == "FairBackend":
            run_jobs()
        elif _NAME == "DatabaseBackend":
            call_command(
                "db_worker", batch=True, verbosity=0, startup_delay=False, reload=False, queue_name="*", interval=0
            )
