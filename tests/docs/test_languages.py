"""The guide to languages: a project adds one, with the catalogs in a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from django.utils.module_loading import import_string

from tests.kit.examples import Examples
from tests.kit.site import BASE

ASK = """
    import django
    django.setup()
    from django.test import RequestFactory
    from django.utils.translation import gettext, override
    from queueapp.pages.texts import texts
    with override("fr"):
        print(gettext("Jobs"), gettext("Submit"))
    print(texts(RequestFactory().get("/"), "fr").content.decode())
"""
OURS = {"django.po": ("Aufträge", "Travaux"), "djangojs.po": ("Live", "En direct")}
"""The catalogs, each with a text of its German and what a translator writes instead."""


def in_project(folder: Path, *command: str) -> str:
    """Return what a command prints in a project's folder, where `python` is that of this environment."""
    search = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PATH": search, "PYTHONPATH": f"{folder}{os.pathsep}{BASE}"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.examples("docs/guides/languages.md", "sh")
@pytest.mark.examples("docs/guides/languages.md", "python")
def test_a_project_adds_a_language(examples: Examples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, addresses, copy, compile_both, name_it = examples
    names: dict[str, Any] = {}
    settings.run(names)
    assert all(import_string(name) for name in names["MIDDLEWARE"])
    addresses.run(names)
    assert "set_language" in {one.name for include in names["urlpatterns"] for one in include.url_patterns}

    in_project(tmp_path, "bash", "-euc", copy.code)
    for file, (german, french) in OURS.items():
        catalog = tmp_path / "locale/fr/LC_MESSAGES" / file
        text = catalog.read_text().replace('"Language: de', '"Language: fr')
        assert f'msgstr "{german}"' in text
        catalog.write_text(text.replace(f'msgstr "{german}"', f'msgstr "{french}"'))
    in_project(tmp_path, "bash", "-euc", compile_both.code)
    (tmp_path / "french.py").write_text(f"from tests.settings import *\n{name_it.code}")
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "french")
    said = in_project(tmp_path, sys.executable, "-c", dedent(ASK))
    assert said.startswith("Travaux ")
    assert "En direct" in said
