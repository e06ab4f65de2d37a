"""The examples of the guide, run as they stand there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.examples import Examples
from tests.kit.site import Site


@pytest.mark.examples("docs/guides/client.md", "python")
def test_every_example_of_the_guide_runs(
    site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, examples: Examples
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    name, _ = site.user("guided")
    for example in examples:
        example.run({"__name__": "guide"}, site, alice=name)
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("succeeded 0.5")
    assert [line.split()[1] for line in said[1:4]] == ["succeeded"] * 3
    assert said[4:7] == ["0", "500", "['duration: must be at least 0.000001 seconds']"]
    assert said[-1].endswith(" succeeded")
    assert (tmp_path / ".report-tokens.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.examples("client/README.md", "python")
def test_the_first_example_of_the_package_runs(
    site: Site, capsys: pytest.CaptureFixture[str], examples: Examples
) -> None:
    name, password = site.user("newcomer")
    [example] = examples
    example.run({}, site, **{"alice": name, "...": password})
    assert capsys.readouterr().out.startswith("succeeded {'")
