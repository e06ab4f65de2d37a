"""docs/guides/use-from-python.md: its examples run as they stand, one after the other."""

from __future__ import annotations

import unittest
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model

from queueapp import registry
from queueapp.signals import job_completed
from queueapp.testing import jobs_inline, run_jobs
from tests.kit.examples import Examples
from tests.kit.queue import make_user


@pytest.mark.site  # its users have names
@pytest.mark.examples("docs/guides/use-from-python.md", "python")
@pytest.mark.django_db(transaction=True)
def test_the_examples_of_the_guide_run_as_they_stand(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], examples: Examples
) -> None:
    monkeypatch.setattr(registry, "_tasks", dict(registry._tasks))
    make_user("ada")
    names: dict[str, Any] = {"__name__": "guide"}
    for block in examples:
        if "wait(timeout=60)" in block.code:
            run_jobs()  # as a cluster does
        block.run(names)
    try:
        with jobs_inline():
            assert async_to_sync(names["greeting"])("Ben") == "Hello, Ben!"
            assert (
                unittest.TestSuite([names["GreetingTest"]("test_a_greeting_has_the_name")])
                .run(unittest.TestResult())
                .wasSuccessful()
            )
        run_jobs()
        names["test_a_greeting"](run_jobs, get_user_model())
    finally:
        job_completed.disconnect(names["note_completed"])
    said = capsys.readouterr().out.split("\n")
    for line in ("queued", "succeeded {'text': 'Hello, Ada!'}", "True", "{'text': 'Hello, Ada!'}"):
        assert line in said
    assert any(line.startswith("ada welcome-") and line.endswith(" succeeded") for line in said)
