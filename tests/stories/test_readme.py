"""The README's example, run as it stands there."""

from __future__ import annotations

import re

import pytest

from tests.kit.site import BASE, PASSWORD, Site


def test_the_api_example_runs_as_it_stands(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.user("alice")
    blocks = re.findall(r"```python\n(.*?)```", (BASE / "README.md").read_text(), re.DOTALL)
    (example,) = [block for block in blocks if "turnabout_client" in block]
    example = example.replace("http://127.0.0.1:8000", site.url).replace('"turnabout"', f'"{PASSWORD}"')
    exec(compile(example, "README.md", "exec"), {})
    assert capsys.readouterr().out.startswith("succeeded 0.5")


def test_the_task_example_registers(monkeypatch: pytest.MonkeyPatch) -> None:
    from queueapp import registry

    monkeypatch.setattr(registry, "_tasks", {})
    (example,) = re.findall(r"```python\n(from queueapp.*?)```", (BASE / "README.md").read_text(), re.DOTALL)
    exec(compile(example, "README.md", "exec"), {"__name__": "readme"})
    assert registry.task_names() == ["resize"]


def test_the_worked_example_is_what_happens(no_rules: None) -> None:
    from queueapp.lifecycle.processors import register
    from queueapp.models import PriorityRule
    from tests.kit.queue import everyone_takes_turns, make_user, run_all, submit_jobs

    everyone_takes_turns()
    ada, bob, cleo = (make_user(name) for name in ("ada", "bob", "cleo"))
    PriorityRule.objects.create(name="Cleo", weight=2, position=1).users.add(cleo)
    submit_jobs(ada, *[f"a{n}" for n in range(9)])
    submit_jobs(bob, "b0", "b1")
    submit_jobs(cleo, "c0", "c1", "c2", "c3")
    row = re.search(r"^\| job \|(.*)\|$", (BASE / "README.md").read_text(), re.MULTILINE)
    assert row is not None
    assert run_all(register("c").pk, limit=8) == row.group(1).replace(" ", "").split("|")
