"""The examples of the documentation: the code blocks of a page."""

from __future__ import annotations

import re
import subprocess
from textwrap import dedent
from typing import Any

from tests.kit.site import BASE

BLOCK = re.compile(r"^(?P<indent> *)```(?P<language>\w+)\n(?P<code>.*?)^(?P=indent)```$", re.DOTALL | re.MULTILINE)


def pages() -> list[str]:
    """Return the paths of all pages in Markdown of the repository."""
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=BASE, capture_output=True, text=True, check=True)
    return listed.stdout.split()


def blocks(page: str, language: str = "python") -> list[str]:
    """Return the blocks of a page that are marked as being of this language, in their order."""
    found = BLOCK.finditer((BASE / page).read_text())
    return [dedent(block["code"]) for block in found if block["language"] == language]


def run(code: str, page: str, names: dict[str, Any]) -> None:
    """Run a block with these global names, to which it adds its own."""
    exec(compile(code, page, "exec"), names)
