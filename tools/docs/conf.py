"""Sphinx's configuration of the docs site."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import django
from pygments.lexers.configs import PropertiesLexer
from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

BASE = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(BASE), str(BASE / "client"), str(Path(__file__).parent)]
django.setup()  # modules whose docstrings are shown read the settings; `make docs` sets what these require

project = "Turnabout"
release = tomllib.loads((BASE / "pyproject.toml").read_text())["project"]["version"]
html_title = f"Turnabout {release}"
extensions = ["myst_parser", "sphinx.ext.autodoc", "annotations_shown"]
myst_heading_anchors = 4
highlight_language = "text"
smartquotes = False
default_role = "literal"  # docstrings have `names` as Markdown has them
autodoc_member_order = "bysource"
suppress_warnings = ["misc.highlighting_failure"]  # of examples that are abridged
html_theme = "furo"
html_favicon = str(BASE / "queueapp" / "static" / "queueapp" / "favicon.svg")
html_copy_source = False
html_show_copyright = False


def setup(app: Sphinx) -> None:
    """Name the languages of code blocks that Pygments does not."""
    app.add_lexer("csv", TextLexer)
    app.add_lexer("dotenv", PropertiesLexer)
