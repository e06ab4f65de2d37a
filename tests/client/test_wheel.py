"""The built wheel, in an environment that has nothing else of this project."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.kit.clients import new_user
from tests.kit.site import BASE, PASSWORD, Site

PYTHON = Path(sys.executable)


def test_the_client_imports_nothing_of_the_site() -> None:
    program = (
        "import sys; import turnabout_client.cli\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'django', 'queueapp', 'jobsite'}))"
    )
    environment = os.environ | {"PYTHONPATH": str(BASE / "client")}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.slow
def test_the_wheel_runs_a_job_from_a_clean_environment(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "dist"
    run("make", "-s", "client", f"DIST={folder}", cwd=BASE)
    (wheel,) = folder.glob("turnabout_client-*.whl")
    assert len(list(folder.glob("turnabout_client-*.tar.gz"))) == 1
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"turnabout_client"}
    assert {"turnabout_client/py.typed", "turnabout_client/cli/watch.py"} <= set(names)
    run(PYTHON.parent / "uv", "venv", "--quiet", "--no-config", "--python", sys.executable, "clean", cwd=tmp_path)
    clean = tmp_path / "clean" / "bin"
    run(PYTHON, "-m", "pip", "--quiet", "--python", clean / "python", "install", wheel, cwd=tmp_path)
    assert run(clean / "turnabout", "--version", cwd=tmp_path).startswith("turnabout 0.")
    environment = {"TURNABOUT_URL": site.url, "TURNABOUT_STATE": str(tmp_path), "TURNABOUT_CONFIG": str(tmp_path / "c")}
    run(clean / "turnabout", "login", new_user(site), "--password-stdin", cwd=tmp_path, stdin=PASSWORD, **environment)
    done = run(clean / "turnabout", "submit", "-d", "0.1", "--job-id", "wheel", "--wait", cwd=tmp_path, **environment)
    assert done.startswith("succeeded wheel")


def run(*command: str | Path, cwd: Path, stdin: str = "", **environment: str) -> str:
    """What it prints. Fails with all that it told if it fails."""
    done = subprocess.run(
        command, cwd=cwd, input=stdin, capture_output=True, text=True, timeout=110, env=os.environ | environment
    )
    assert done.returncode == 0, done
    return done.stdout
