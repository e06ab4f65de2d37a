"""The whole suite."""

from __future__ import annotations

from .enqueuing import EnqueueTests
from .results import ResultTests
from .running import RunTests
from .signals import SignalTests


class BackendConformance(EnqueueTests, RunTests, ResultTests, SignalTests):
    """All promises. Mix it into django.test.TestCase, and say in run_tasks() how the backend's tasks are run."""
