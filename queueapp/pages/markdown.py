"""Markdown of tasks as HTML that is safe in a page."""

from __future__ import annotations

from functools import cache

from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

HIGHEST = 3
"""The level of a note's first headings: the page's own come before them."""


def as_html(markdown: str) -> SafeString:
    """Return CommonMark with tables as HTML. HTML in it is shown as text; images become links, so that nothing of
    others' is loaded; links to scripts and data stay text."""
    rendered: str = _renderer().render(markdown)
    return mark_safe(rendered)  # noqa: S308 (the renderer escapes what it does not make itself)


@cache
def _renderer() -> MarkdownIt:
    renderer = MarkdownIt("commonmark", {"html": False, "typographer": False}).enable("table").disable("image")
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
