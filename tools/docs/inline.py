"""Moves scripts and styles out of the pages of a site, as the Content-Security-Policy of the server demands."""

from __future__ import annotations

import hashlib
import os
import re
from html import unescape
from pathlib import Path

SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
ATTRIBUTE = re.compile(r'(<[a-z]+\b[^>]*?) style="([^"]*)"')
LEFT = re.compile(r"<script(?![^>]* src=)[^>]*>|<style[^>]*>|<[a-z]+\b[^>]* (?:style|on[a-z]+)=", re.DOTALL)


def take_out(site: Path) -> None:
    """Put each inline script, style and style attribute into a file below _static. Raises ValueError if one is left."""
    for page in site.rglob("*.html"):
        _Page(site, page).rewrite()


class _Page:
    def __init__(self, site: Path, page: Path) -> None:
        self._site, self._page = site, page
        self._rules: dict[str, str] = {}

    def rewrite(self) -> None:
        """Write the page anew, without what was inline."""
        text = self._page.read_text()
        text = SCRIPT.sub(lambda found: f'<script src="{self._file(found[1], "js")}"></script>', text)
        text = STYLE.sub(lambda found: self._link(found[1]), text)
        text = ATTRIBUTE.sub(self._rule, text)
        if self._rules:
            text = text.replace("</head>", self._link("\n".join(sorted(self._rules.values()))) + "\n</head>", 1)
        if left := LEFT.search(text):
            raise ValueError(f"{self._page} has {left[0]}")
        self._page.write_text(text)

    def _rule(self, found: re.Match[str]) -> str:
        name = _name(found[2])
        self._rules[name] = f'[data-style="{name}"] {{ {unescape(found[2])} }}'
        return f'{found[1]} data-style="{name}"'

    def _link(self, style: str) -> str:
        return f'<link rel="stylesheet" href="{self._file(style, "css")}">'

    def _file(self, content: str, kind: str) -> str:
        """Write a file, and return its address as seen from the page."""
        path = self._site / "_static" / f"{_name(content)}.{kind}"
        path.write_text(content)
        return os.path.relpath(path, self._page.parent)


def _name(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()[:12]
