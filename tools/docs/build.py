"""Builds the docs site: `python tools/docs/build.py [folder]`. The site is in `folder`/html, by default var/docs/html.

Pages are docs/ and the Markdown files elsewhere that ELSEWHERE names. They are copied into one tree with links made
anew: `docs/tutorial.md` becomes `tutorial.md`, and `deploy/README.md` becomes `project/deploy/README.md`. The lists of
links in docs/index.md are the navigation.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

from inline import take_out
from sphinx.cmd.build import build_main

BASE = Path(__file__).resolve().parents[2]
ELSEWHERE = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "SECURITY.md",
    "UPGRADING.md",
    "bench/README.md",
    "client/README.md",
    "conformance/README.md",
    "conformance/results/table.md",
    "deploy/README.md",
    "queueapp/db/sql/README.md",
    "requirements.txt",
]
CODE_OR_LINK = re.compile(r"```.*?```|`[^`]*`|(?<=\]\()(?P<path>[^)\s#:]+)(?=[)#])", re.DOTALL)
"""Code, in which nothing is a link, or the target of a link that is a path: no address of the web, no anchor alone."""
SECTION = re.compile(r"^## (?P<title>.+)$(?P<lines>(?:(?!^## ).*\n?)*)", re.MULTILINE)
ENTRY = re.compile(r"^(?:-|\d+\.) \[(?P<title>[^\]]+)\]\((?P<page>[^)#]+)\.md\)", re.MULTILINE)
TOCTREE = "\n```{{toctree}}\n:hidden:\n:caption: {title}\n\n{entries}\n```\n"


def main(folder: str = "var/docs") -> int:
    """Build the site and return Sphinx's exit code. Warnings are errors. A site that was there stays until the end."""
    root = Path(folder).resolve()
    source, new, site = (root / name for name in ("source", "new", "html"))
    for old in (source, new):
        shutil.rmtree(old, ignore_errors=True)
    assemble(source)
    options = ["--quiet", "--fail-on-warning", "--keep-going", "--fresh-env", "--jobs", "auto"]
    folders = ["-c", str(Path(__file__).parent), "-d", str(root / "doctrees"), str(source), str(new)]
    if failed := build_main([*options, *folders]):
        return failed
    take_out(new)
    shutil.rmtree(site, ignore_errors=True)
    new.rename(site)
    return 0


def assemble(source: Path) -> None:
    """Copy all pages and pictures into one tree, with the links between them."""
    docs = [path.relative_to(BASE).as_posix() for path in (BASE / "docs").rglob("*") if path.is_file()]
    for path in [*docs, *ELSEWHERE]:
        copy = source / address(path)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(BASE / path, copy)
        if path.endswith(".md"):
            copy.write_text(relinked(path, copy.read_text()))
    index = source / "index.md"
    index.write_text(index.read_text() + navigation(index.read_text()))


def address(path: str) -> str:
    """Return where a file of the repository is in the tree."""
    return path.removeprefix("docs/") if path.startswith("docs/") else f"project/{path}"


def relinked(page: str, text: str) -> str:
    """Return the Markdown of a page of the repository, with its links as they are in the tree."""

    def moved(found: re.Match[str]) -> str:
        if found["path"] is None:
            return found[0]
        target = os.path.normpath(os.path.join(os.path.dirname(page), found["path"]))
        return os.path.relpath(address(target), os.path.dirname(address(page)) or ".")

    return CODE_OR_LINK.sub(moved, text)


def navigation(index: str) -> str:
    """Return a table of contents for each section of the index that lists pages."""
    trees = []
    for section in SECTION.finditer(index):
        entries = "\n".join(f"{entry['title']} <{entry['page']}>" for entry in ENTRY.finditer(section["lines"]))
        if entries:
            trees.append(TOCTREE.format(title=section["title"], entries=entries))
    return "".join(trees)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
