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
    build = UV, "build", "--quiet", "--no-config", "--no-build-isolation", "--out-dir"
    subprocess.run([*build, folder, BASE], cwd=BASE, check=True)
    [found] = folder.glob("*.whl")
    return found
