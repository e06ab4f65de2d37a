"""Fixtures for the tests of a project: `pytest_plugins = ["queueapp.pytest_plugin"]` in its conftest.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .handle import Job

# pytest may load this module before Django: so other imports are below.


@pytest.fixture
def run_jobs(db: None) -> Callable[[], list[Job]]:
    """Return queueapp.testing.run_jobs: it runs the jobs that wait."""
    from . import testing

    return testing.run_jobs


@pytest.fixture
def jobs_inline(db: None) -> Iterator[None]:
    """Run each job of the test as soon as it is submitted: see queueapp.testing.jobs_inline."""
    from . import testing

    with testing.jobs_inline():
        yield
