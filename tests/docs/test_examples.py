"""Every example of the documentation has a test that runs it, is valid code, and names what is there."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess

import pytest

import queueapp
from queueapp.conf import QueueSettings
from tests.kit.examples import NO_EXAMPLES, blocks_of, claimed, claims, pages
from tests.kit.site import BASE

OF_THE_READER = {"reports", "client"}
"""Packages that examples import and that the reader has made by the examples before."""
EVERY = [block for page in pages() for block in blocks_of(page)]


def test_each_block_says_what_it_is_and_one_test_runs_it() -> None:
    """A new example fails here until a test takes it: see tests/kit/examples.py."""
    assert not [block for block in EVERY if not block.info], "the fence says nothing: text is what nobody runs"
    examples = [block for block in EVERY if block.info not in NO_EXAMPLES]
    assert not [block for block in examples if len(claimed(block)) != 1]


def test_what_reads_like_an_example_is_none_of_those_that_nobody_runs() -> None:
    like = re.compile(
        r"^(?:\$ |curl |\.venv/|python3? |make [a-z]|pipx? install|turnabout [a-z]|psql |pg_dump |pg_restore |kubectl "
        r"|SELECT .* FROM |(?:INSERT|DELETE|UPDATE) |(?:from \S+ )?import |(?:GET|POST) \S+$)", re.MULTILINE
    )  # fmt: skip
    assert not [block for block in EVERY if block.info == "text" and like.search(block.code)]


def test_no_block_escapes_the_search() -> None:
    for page in pages():
        fences = re.findall(r"^ *(?:`{3,}|~{3,})", (BASE / page).read_text(), re.MULTILINE)
        assert len(fences) == 2 * len(blocks_of(page)), page


def test_each_test_of_examples_has_some() -> None:
    taken = {claim for block in EVERY for claim in claimed(block)}
    assert not [claim for claim in claims() if claim not in taken]


@pytest.mark.parametrize("page", [page for page in pages() if blocks_of(page, "python")])
def test_what_the_examples_of_a_page_name_is_there(page: str) -> None:
    for block in blocks_of(page, "python"):
        for node in ast.walk(ast.parse(block.code, page)):
            match node:
                case ast.ImportFrom(module=str(module), names=names) if module.split(".")[0] not in OF_THE_READER:
                    for alias in names:
                        assert hasattr(importlib.import_module(module), alias.name), ast.unparse(node)
                case ast.Attribute(value=ast.Name(id="queueapp"), attr=name):
                    assert hasattr(queueapp, name), ast.unparse(node)
                case ast.Assign(targets=[ast.Name(id="QUEUEAPP")], value=ast.Dict(keys=keys)):
                    assert {ast.literal_eval(key) for key in keys if key} <= QueueSettings.__dataclass_fields__.keys()


@pytest.mark.parametrize("page", [page for page in pages() if blocks_of(page, "sh")])
def test_commands_are_valid(page: str) -> None:
    code = "\n".join(block.code for block in blocks_of(page, "sh"))
    subprocess.run(["bash", "-n"], input=code, text=True, check=True)
