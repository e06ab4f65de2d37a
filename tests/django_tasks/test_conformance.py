"""The interface of Django's tasks: the backend keeps all of its promises (conformance/)."""

from __future__ import annotations

from django.test import TestCase

from django_tasks_conformance import BackendConformance
from queueapp.testing import run_jobs


class TestFairBackend(BackendConformance, TestCase):
    """The suite, with the queue's own steps on a real database."""

    def run_tasks(self) -> None:
        run_jobs()
