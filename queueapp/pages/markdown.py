"""Markdown of tasks as HTML that is safe in a page."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

HIGHEST = 3
"""The level of a note's first headings: the page's own come before them."""

MAX_CELLS = 10_000
"""Cells of tables, at most: a row of two characters gets as many cells as the header has."""

_LINK = re.compile(r"(?:https?|mailto):|[^:/?#]*(?:[/?#]|$)", re.IGNORECASE)
"""How a link begins: with one of these schemes, or, within this site, with none."""


@lru_cache(maxsize=20)
def as_html(markdown: str) -> SafeString:
    """Return CommonMark with tables as HTML. HTML in it is shown as text; images become links, so that nothing of
    others' is loaded; links other than to pages and mail addresses stay text, and so do tables that might have too many
    cells. The last ones are kept: some of 20,000 characters take half a second, and an open page asks again and again.
    """
    rendered: str = _renderer(tables=_most_cells(markdown) <= MAX_CELLS).render(markdown)
    return mark_safe(rendered)  # noqa: S308 (the renderer escapes what it does not make itself)


def _most_cells(markdown: str) -> int:
    """Return how many cells its tables have at most. A row gets the cells of the header that it lacks."""
    lines = markdown.replace("\r", "\n").split("\n")
    return len(lines) * max(line.count("|") + 1 for line in lines)


class _Markdown(MarkdownIt):
    def validateLink(self, url: str) -> bool:
        """Whether the address may be a link. Other schemes start programs of the reader's."""
        return _LINK.match(url) is not None


@cache
def _renderer(*, tables: bool) -> MarkdownIt:
    renderer = _Markdown("commonmark", {"html": False, "typographer": False}).disable("image")
    if tables:
        renderer.enable("table")
    renderer.add_render_rule("link_open", _link_open)
    renderer.add_render_rule("heading_open", _heading)
    renderer.add_render_rule("heading_close", _heading)
    return renderer


def _link_open(self: RendererHTML, tokens: list[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    tokens[index].attrSet("rel", "nofollow noopener noreferrer")
    return self.renderToken(tokens, index, options, env)


def _heading(self: RendererHTML, tokens: list[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    token = tokens[index]
    token.tag = f"h{min(int(token.tag[1]) + HIGHEST - 1, 6)}"
    return self.renderToken(tokens, index, options, env)
