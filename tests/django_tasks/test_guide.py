"""docs/guides/django-tasks.md: its examples run as they stand, one after the other."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from queueapp import registry
from queueapp.django_tasks import FairBackend, known
from queueapp.testing import run_jobs
from tests.kit.examples import Examples


@pytest.mark.examples("docs/guides/django-tasks.md", "python")
@pytest.mark.django_db
def test_the_examples_of_the_guide_run_as_they_stand(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], examples: Examples
) -> None:
    monkeypatch.setattr(registry, "_tasks", dict(registry._tasks))
    monkeypatch.setattr(known, "_known", dict(known._known))
    monkeypatch.setattr(known, "refuse_late", lambda task: None)  # the reader's module is imported at the start
    names: dict[str, Any] = {"__name__": "guide"}
    for block in examples:
        if "result.refresh()" in block.code:
            run_jobs()  # as a cluster does
        block.run(names)
    assert capsys.readouterr().out.split("\n") == ["READY", "SUCCESSFUL order 7: 2 sent", "True", "1", ""]
    assert names["owner_of"](None, [7], {}) == "shop-7"
    monkeypatch.setitem(sys.modules, "shop.owners", SimpleNamespace(owner_of=names["owner_of"]))
    backend = FairBackend("default", names["TASKS"]["default"])
    assert not list(backend.check())
