"""Clients that programs make of the schema submit, list, cancel and stream against a real site."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.kit.examples import Examples
from tests.kit.site import BASE, Site

SOURCES = BASE / "tests" / "generators"
BESIDE = Path(sys.executable).parent
REGISTRY_UNREACHABLE = 75
PATH = f"{BESIDE}{os.pathsep}{os.environ['PATH']}"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def run(command: str | Path, *arguments: str | Path, cwd: Path, **environment: str) -> str:
    """What it prints. Fails with that where it fails."""
    done = subprocess.run(
        [shutil.which(command, path=PATH) or command, *arguments], cwd=cwd, capture_output=True, text=True,
        env=os.environ | {"PATH": PATH} | environment, timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5_000:] + done.stderr[-5_000:]
    return done.stdout


def token_of(site: Site, name: str) -> str:
    site.user(name)
    with site.client(name) as client:
        return client.headers["Authorization"].removeprefix("Bearer ")


def schema(site: Site, folder: Path) -> Path:
    """The site's schema in a file."""
    (folder / "schema.json").write_bytes(httpx.get(f"{site.url}/api/v1/schema/?format=json").content)
    return folder / "schema.json"


def test_the_client_of_openapi_python_client(site: Site, tmp_path: Path) -> None:
    token = token_of(site, "gerda")
    run(
        "openapi-python-client", "generate", "--path", schema(site, tmp_path), "--meta", "none", "--fail-on-warning",
        "--output-path", tmp_path / "generated_client", cwd=tmp_path,
    )  # fmt: skip
    said = run(sys.executable, SOURCES / "use.py", site.url, token, cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert said == "all well\n"


@pytest.fixture(scope="module")
def node_packages() -> Path:
    """The folder that has the pinned packages of node; kept. Skips where they are not there, and no network is."""
    done = subprocess.run(
        ["sh", BASE / "tools" / "node" / "packages.sh"], capture_output=True, text=True, timeout=250
    )  # fmt: skip
    if done.returncode == REGISTRY_UNREACHABLE:
        pytest.skip(done.stderr.splitlines()[-1])
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


@pytest.mark.examples("docs/guides/client.md", "ts")
def test_the_program_in_the_guide_runs_as_it_stands(site: Site, node_packages: Path, examples: Examples) -> None:
    """`make check` compiles it."""
    folder = node_packages / "guide"
    folder.mkdir(exist_ok=True)
    [example] = examples
    name, _ = site.user("tina")
    program = example.here(site, alice=name)
    (folder / "run.ts").write_text(program)
    programs = node_packages / "node_modules" / ".bin"
    run(programs / "openapi-typescript", schema(site, folder), "-o", "schema.d.ts", cwd=folder)
    run(
        programs / "tsc", "--strict", "--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom,dom.iterable",
        "run.ts", cwd=folder,
    )  # fmt: skip
    assert run("node", "run.js", cwd=folder).startswith("succeeded 0.5")


def test_the_client_of_openapi_typescript(site: Site, node_packages: Path) -> None:
    token = token_of(site, "tessa")
    shutil.copy(SOURCES / "use.ts", node_packages)
    programs = node_packages / "node_modules" / ".bin"
    run(programs / "openapi-typescript", schema(site, node_packages), "-o", "schema.d.ts", cwd=node_packages)
    run(
        programs / "tsc", "--strict", "--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom,dom.iterable",
        "use.ts", cwd=node_packages,
    )  # fmt: skip
    assert run("node", "use.js", site.url, token, cwd=node_packages) == "all well\n"
