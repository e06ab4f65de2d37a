"""Style sheets: nothing breaks where a language is written from right to left."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.kit.site import BASE

SHEETS = sorted((BASE / "queueapp" / "static" / "queueapp").glob("*.css"))
SIDED = re.compile(
    r"(?<![\w-])(?:(?:margin|padding|border|scroll-margin|scroll-padding)-(?:left|right)[\w-]*|left|right"
    r"|border-(?:top|bottom)-(?:left|right)-radius)\s*:"
    r"|(?:text-align|float|clear)\s*:\s*(?:left|right)"
)
FOUR = re.compile(r"(?<![\w-])(margin|padding|inset|border-radius)\s*:\s*([^;{}]+);")
VALUE = re.compile(r"(?:[^\s()]|\((?:[^()]|\([^()]*\))*\))+")


def sided(css: str) -> list[str]:
    """The declarations that name a left or a right side, or give the two different values."""
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    found = SIDED.findall(css)
    for name, given in FOUR.findall(css):
        values = VALUE.findall(given)
        if len(values) == 4:
            one, two, three, four = values
            same = one == two and three == four if name == "border-radius" else two == four
            found += [] if same else [f"{name}: {given}"]
    return found


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
def test_a_style_sheet_has_starts_and_ends_and_no_left_and_right(sheet: Path) -> None:
    assert sided(sheet.read_text()) == []


@pytest.mark.parametrize(
    "css",
    ["margin-left: 1px;", "a{right:0}", "text-align: right;", "padding: 0 1px 0 calc(2px + 1px);", "border-right: 0;"],
)
def test_what_has_sides_is_found(css: str) -> None:
    assert sided(css)
