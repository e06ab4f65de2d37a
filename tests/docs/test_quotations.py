"""SQL of the documentation runs on the database, and quotations are what the code has."""

from __future__ import annotations

import re
from functools import cache

import pytest
from django.db import connection

from queueapp.db.install import CURRENT
from tests.kit.examples import Examples
from tests.kit.site import BASE

SOURCES = {
    "sql excerpt": ("queueapp/**/*.sql", "queueapp/**/*.py"),
    "python excerpt": ("queueapp/**/*.py", "jobsite/**/*.py"),
    "nginx excerpt": ("deploy/nginx/*.conf",),
    "markdown excerpt": ("docs/index.md",),
}
"""Where the code is from which blocks with this info string are quoted."""
COMMENT = re.compile(r"\s*(?:--|#).*")
ROLE = "DO $$ BEGIN IF to_regrole('turnabout') IS NULL THEN CREATE ROLE turnabout; END IF; END $$"


@pytest.mark.examples("*", "sql")
@pytest.mark.django_db
def test_every_statement_runs(examples: Examples) -> None:
    """In a transaction that is not committed."""
    with connection.cursor() as cursor:
        cursor.execute(ROLE)
        for block in examples:
            with block.noted():
                cursor.execute(block.code)
                if "pg_proc" in block.code:
                    assert CURRENT in {said for _, said in cursor.fetchall()}


@pytest.mark.examples("*", "sql excerpt")
@pytest.mark.examples("*", "python excerpt")
@pytest.mark.examples("*", "nginx excerpt")
@pytest.mark.examples("*", "markdown excerpt")
def test_every_quotation_is_what_the_code_has(examples: Examples) -> None:
    """Line by line, but for comments and for what `...` stands for. The parts of a line are in one file, in order."""
    for block in examples:
        for line in block.code.splitlines():
            if parts := [part for part in plain(line).split("...") if part.strip(" ,;)")]:
                pattern = re.compile(".*?".join(re.escape(part.strip(" ,;")) for part in parts))
                assert any(pattern.search(text) for text in sources(block.info)), f"{block!r}: {line}"


def plain(text: str) -> str:
    """Return a text without comments, with one blank for each gap."""
    return " ".join(COMMENT.sub("", line).strip() for line in text.splitlines()).replace("  ", " ").strip()


@cache
def sources(info: str) -> list[str]:
    """Return the plain texts from which such a block is quoted."""
    files = (path for pattern in SOURCES[info] for path in sorted(BASE.glob(pattern)))
    return [re.sub(r"\s+", " ", plain(path.read_text())) for path in files]
