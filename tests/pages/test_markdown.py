"""Notes of tasks as HTML: what a task writes cannot do anything in its reader's page."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from queueapp.pages.markdown import as_html


class Tags(HTMLParser):
    """The tags and attributes of a page, as a browser finds them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name: value or "" for name, value in attrs}


@pytest.mark.parametrize(
    "attack",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[click](javascript:alert(1))",
        "[click](JaVaScRiPt:alert(1))",
        "[click](&#106;avascript:alert(1))",
        "[click](data:text/html;base64,PHNjcmlwdD4=)",
        "[click](vbscript:x)",
        "[click](ms-msdt:/id%20PCWDiagnostic)",
        "<ssh://-oProxyCommand=x/>",
        "[a]: file:///etc/passwd\n\n[a]",
        "![x](https://elsewhere.example/pixel.png)",
        "<javascript:alert(1)>",
        '[a](https://e.example "x" onmouseover=alert(1)")',
        "`<script>`\n\n    <script>alert(1)</script>",
        "| <script>alert(1)</script> |\n|---|\n| x |",
    ],
)
def test_nothing_of_a_note_runs_or_is_loaded(attack: str) -> None:
    found = Tags()
    found.feed(as_html(attack))
    assert found.tags <= {"p", "a", "code", "pre", "table", "thead", "tbody", "tr", "th", "td"}
    assert found.attributes.keys() <= {"href", "rel", "title"}
    assert found.attributes.get("href", "https:").startswith("https:")


def test_a_note_has_headings_below_the_pages_own_lists_tables_and_links() -> None:
    html = as_html("# Sums\n\n- a\n- b\n\n| x | y |\n|---|---|\n| 1 | 2 |\n\n[more](https://example.org)")
    assert "<h3>Sums</h3>" in html
    assert "<li>a</li>" in html
    assert "<td>1</td>" in html
    assert '<a href="https://example.org" rel="nofollow noopener noreferrer">more</a>' in html
    assert as_html("") == ""


@pytest.mark.parametrize(
    "address", ["HTTPS://example.org:8/a:b", "http://a", "mailto:a@b", "/jobs/a/", "?x=a:b", "#a:b"]
)
def test_addresses_of_pages_and_of_mail_are_links(address: str) -> None:
    found = Tags()
    found.feed(as_html(f"[more]({address})"))
    assert found.attributes["href"].lower() == address.lower()


@pytest.mark.parametrize("within_header", ["", "\x0c", "\u2028"])
def test_a_table_of_few_characters_and_many_cells_is_text(within_header: str) -> None:
    columns = 250
    note = "|a" * (columns // 2) + within_header + "|a" * (columns // 2) + "\n" + "|-" * columns + "\n" + "b\n" * 250
    assert "<td>" not in as_html(note)
    assert len(as_html(note)) < 2 * len(note)
