"""docs/guides/django-tasks.md: its examples run as they stand, one after the other."""

from __future__ import annotations

from typing import Any

import pytest

from queueapp import registry
from queueapp.django_tasks import known
from queueapp.testing import run_jobs
from tests.kit.examples import blocks, run


@pytest.mark.django_db
def test_the_examples_of_the_guide_run_as_they_stand(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(registry, "_tasks", dict(registry._tasks))
    monkeypatch.setattr(known, "_known", dict(known._known))
    monkeypatch.setattr(known, "refuse_late", lambda task: None)  # the reader's module is imported at the start
    names: dict[str, Any] = {"__name__": "guide"}
    for block in blocks("docs/guides/django-tasks.md"):
        if "result.refresh()" in block:
            run_jobs()  # as a cluster does
        run(block, "django-tasks.md", names)
    assert capsys.readouterr().out.split("\n") == ["READY", "SUCCESSFUL order 7: 2 sent", "True", "1", ""]
    assert names["owner_of"](None, [7], {}) == "shop-7"
