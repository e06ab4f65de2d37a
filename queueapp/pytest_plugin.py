"""Fixtures for the tests of a project, which pytest loads by itself where the wheel is installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .handle import Job

# pytest loads this module before Django, also where Django has no settings: so other imports are below.


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
