"""The examples of the documentation: the code blocks of a page, and which test runs each of them.

A block is an example by its info string, the words after the fence. `text` marks what nobody runs: output, diagrams,
formulas. `sql excerpt` is a quotation of the code. Every other block belongs to a test, which says so:

    @pytest.mark.examples("docs/guides/client.md", "python")
    def test_the_guide(examples: Examples) -> None: ...

The fixture has these blocks, in their order, and fails if the test has not used one of them. "*" instead of a page
means all blocks of a language that no other test has. A third word names the headings above the blocks.
"""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from textwrap import dedent
from typing import Any

from tests.kit.site import BASE, PASSWORD, Site

FENCED = re.compile(
    r"^(?P<indent> *)```(?P<info>[^\n]*)\n(?P<code>.*?)^(?P=indent)```$|^## (?P<heading>[^\n]+)$",
    re.DOTALL | re.MULTILINE,
)
NO_EXAMPLES = {"text", "{eval-rst}"}
"""Info strings of blocks that nobody runs."""
ANY_PAGE = "*"


class Block:
    """A block of a page. Whoever reads its `code` has used it."""

    def __init__(self, page: str, line: int, heading: str, info: str, code: str) -> None:
        self.page, self.line, self.heading, self.info, self._code = page, line, heading, info, code
        self.used = False

    def __repr__(self) -> str:
        return f"{self.page}:{self.line} [{self.info}]"

    @property
    def code(self) -> str:
        self.used = True
        return self._code

    def run(self, names: dict[str, Any], site: Site | None = None, **instead: str) -> None:
        """Run it as Python with these global names, to which it adds its own. The other arguments: see `here`."""
        exec(compile(self.here(site, **instead), self.page, "exec"), names)

    def here(self, site: Site | None = None, **instead: str) -> str:
        """Return the code for a site, and with other words in quotes: alice="ada" writes "ada" for "alice"."""
        code = self.code
        if site is not None:
            code = code.replace("http://127.0.0.1:8000", site.url)
            instead = {"turnabout": PASSWORD} | instead
        for theirs, ours in instead.items():
            code = code.replace(f'"{theirs}"', f'"{ours}"')
        return code

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Add to an error of the `with` block where the example is."""
        try:
            yield
        except BaseException as error:
            error.add_note(f"{self!r}\n{self._code}")
            raise


Examples = list[Block]


@dataclass(frozen=True)
class Claim:
    """The blocks that a test runs. `heading`: "" for those below any."""

    test: str
    page: str
    info: str
    heading: str = ""

    def covers(self, block: Block) -> bool:
        """Whether the claim, which names a page, has this block."""
        return (self.page, self.info) == (block.page, block.info) and self.heading in {"", block.heading}


@cache
def pages() -> list[str]:
    """Return the paths of all pages in Markdown of the repository."""
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=BASE, capture_output=True, text=True, check=True)
    return listed.stdout.split()


def blocks_of(page: str, info: str = "") -> Examples:
    """Return the blocks of a page, in their order: all, or those with this info string."""
    text, heading, found = (BASE / page).read_text(), "", Examples()
    for part in FENCED.finditer(text):
        if part["heading"]:
            heading = part["heading"]
        elif info in {"", part["info"]}:
            line = text.count("\n", 0, part.start()) + 1
            found.append(Block(page, line, heading, part["info"], dedent(part["code"])))
    return found


@cache
def claims() -> list[Claim]:
    """Return which tests say that they run which blocks."""
    found = []
    for path in (BASE / "tests").rglob("test_*.py"):
        if "mark.examples(" in (text := path.read_text()):
            found += [claim for node in ast.parse(text).body for claim in _claims(str(path.relative_to(BASE)), node)]
    return found


def _claims(path: str, node: ast.stmt) -> Iterator[Claim]:
    if isinstance(node, ast.FunctionDef):
        for mark in node.decorator_list:
            if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.examples":
                assert "examples" in {argument.arg for argument in node.args.args}, f"{path}: {node.name} uses none"
                yield Claim(f"{path}::{node.name}", *map(ast.literal_eval, mark.args))


def claimed(block: Block) -> list[Claim]:
    """Return the claims of this block: those of its page, or else those of any page."""
    return [claim for claim in claims() if claim.covers(block)] or [
        claim for claim in claims() if (claim.page, claim.info) == (ANY_PAGE, block.info)
    ]


def examples_of(test: str) -> Examples:
    """Return the blocks that a test, of this id, says that it runs."""
    infos = {claim.info for claim in claims() if claim.test == test}
    blocks = (block for page in pages() for block in blocks_of(page) if block.info in infos)
    return [block for block in blocks if test in {claim.test for claim in claimed(block)}]
