"""The wheel."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.kit.project import UV
from tests.kit.site import BASE


@pytest.fixture(scope="package")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from an sdist as an installer would."""
    folder = tmp_path_factory.mktemp("dist")
    built = subprocess.run([UV, "build", "--quiet", "--out-dir", folder, BASE], capture_output=True, text=True)
    if "Failed to fetch" in built.stderr:
        pytest.skip("no registry of packages can be reached")
    assert not built.returncode, built.stderr
    [found] = folder.glob("*.whl")
    return found
