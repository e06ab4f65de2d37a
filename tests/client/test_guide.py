"""The examples of the guide, run as they stand there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.examples import blocks, run
from tests.kit.site import PASSWORD, Site


def test_every_example_of_the_guide_runs(
    site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    name, _ = site.user("guided")
    for example in blocks("docs/guides/client.md"):
        here = example.replace("http://127.0.0.1:8000", site.url).replace('"alice"', f'"{name}"')
        run(here.replace('"turnabout"', f'"{PASSWORD}"'), "client.md", {"__name__": "guide"})
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("succeeded 0.5")
    assert [line.split()[1] for line in said[1:4]] == ["succeeded"] * 3
    assert said[4:7] == ["0", "500", "['duration: must be at least 0.000001 seconds']"]
    assert said[-1].endswith(" succeeded")
    assert (tmp_path / ".report-tokens.json").stat().st_mode & 0o777 == 0o600
