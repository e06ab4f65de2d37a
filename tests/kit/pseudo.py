"""A language in which every text of a catalog stands in brackets, and what of a page stands outside of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from typing import Any

import pytest
from django.utils.translation import trans_real

BEGIN, END = "\u27e6", "\u27e7"
SPOKEN = ("aria-label", "title", "placeholder", "alt", "data-label")
"""Attributes that a user reads or hears; data-label is read where a table is narrow."""
DATA = ("script", "style", "textarea", "pre", "code")
"""Elements whose text is no sentence of ours."""
_LETTERS = re.compile(r"[^\W\d_]")


class Bracketed:
    """Takes the place of a catalog: it has every text."""

    def __getitem__(self, key: str) -> str:
        return f"{BEGIN}{key.rpartition(chr(4))[2]}{END}"

    def get(self, key: str, otherwise: Any = None) -> Any:
        """Return the text in brackets."""
        return self[key] if isinstance(key, str) else otherwise

    def plural(self, key: str, number: int) -> str:
        """Return the text in brackets, whatever the number."""
        return self[key]


@contextmanager
def bracketed(language: str) -> Iterator[None]:
    """Put all texts of this language into brackets."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trans_real.translation(language), "_catalog", Bracketed())
        yield


class _Outside(HTMLParser):
    """Collects the texts that stand outside of brackets: of elements, and of attributes that are read out."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._depth = 0
        self._skipped = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._skipped = tag in DATA
        self.found += [_outside(text or "", 0)[0] for name, text in attrs if name in SPOKEN and not self._depth]

    def handle_endtag(self, tag: str) -> None:
        self._skipped = False

    def handle_data(self, data: str) -> None:
        text, self._depth = _outside(data, self._depth)
        if not self._skipped:
            self.found.append(text)


def _outside(text: str, depth: int) -> tuple[str, int]:
    """Return what of the text stands outside of brackets, and how deep it ends within them."""
    kept = []
    for letter in text:
        depth += (letter == BEGIN) - (letter == END)
        if not depth and letter != END:
            kept.append(letter)
    return "".join(kept), depth


def forgotten(page: str, data: str) -> set[str]:
    """Return the texts of a page that are in no catalog. `data`: a pattern of what need not be translated."""
    parser = _Outside()
    parser.feed(page)
    parser.close()
    return {text.strip() for text in parser.found if _LETTERS.search(re.sub(data, "", text))}


class _Attributes(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [(tag, name, text or "") for name, text in attrs if name not in SPOKEN]


def attributes(page: str) -> list[tuple[str, str, str]]:
    """Return the attributes of a page that no user reads: the element, the name, the value."""
    parser = _Attributes()
    parser.feed(page)
    parser.close()
    return parser.found
