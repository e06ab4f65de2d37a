"""Finds the texts to translate in Python, templates and scripts, and keeps the catalogs in queueapp/locale.

`make messages` writes new texts into the .po files, takes away those that are gone, and compiles the .mo files. With
--check it writes nothing, and fails if a file is not up to date, a text is not translated, or a placeholder differs.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

BASE = Path(__file__).resolve().parents[1]
APP = BASE / "queueapp"
LOCALE = APP / "locale"
LOCALES = ("de",)
FOLDERS = (APP, BASE / "jobsite", BASE / "templates")
PLACEHOLDER = re.compile(r"%\(\w+\)s|%%")
DOMAINS = {"django": ("*.py", "*.html", "*.txt"), "djangojs": ("*.js",)}
"""The endings of the files whose texts are in a catalog of this name."""
KEYWORDS = DEFAULT_KEYWORDS | {
    "gettext_lazy": None, "gettext_noop": None, "ngettext_lazy": (1, 2), "pgettext_lazy": ((1, "c"), 2),
    "npgettext_lazy": ((1, "c"), 2, 3),
}  # fmt: skip


def texts_in(file: Path) -> Iterator[tuple[str | tuple[str, ...], list[str], str | None]]:
    """Yield the texts of a file, each with the comments for translators and its context."""
    source, method, options = file.read_text(), "python", {}
    if file.suffix == ".js":
        method, options = "javascript", {"parse_template_string": "true"}
    elif file.suffix != ".py":
        # Django writes a template's texts as calls in Python. Within brackets, indentation does not matter.
        source = f"(\n{templatize(source, origin=str(file))}\n)"
    if file.name == "errors.py":
        yield from ((text, [], None) for text in docstrings_of_errors(source))
    for _, texts, comments, context in extract(method, BytesIO(source.encode()), KEYWORDS, ["Translators"], options):
        yield texts, comments, context


def docstrings_of_errors(source: str) -> Iterator[str]:
    """Yield the docstrings of QueueError and the classes below it, which are their messages."""
    below = {"QueueError"}
    for part in ast.parse(source).body:
        if isinstance(part, ast.ClassDef) and below & {part.name, *map(ast.unparse, part.bases)}:
            below.add(part.name)
            yield ast.get_docstring(part) or ""


def wanted(patterns: Iterable[str]) -> Catalog:
    """Return the texts of all files of the app and of the site with such names, in order."""
    catalog = Catalog(fuzzy=False)
    for file in sorted({file for folder in FOLDERS for pattern in patterns for file in folder.rglob(pattern)}):
        for texts, comments, context in texts_in(file):
            catalog.add(
                texts, locations=[(file.relative_to(BASE).as_posix(), 0)], auto_comments=comments, context=context
            )
    return catalog


class Translations(Catalog):
    """The texts of one language. Its header has what gettext needs, and nothing that changes by itself."""

    def __init__(self, locale: str) -> None:
        super().__init__(locale=locale, fuzzy=False, header_comment=f"# Turnabout: {locale}")

    def _get_mime_headers(self) -> list[tuple[str, str]]:
        return [
            ("Language", str(self.locale)),
            ("Plural-Forms", self.plural_forms),
            ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Transfer-Encoding", "8bit"),
        ]

    mime_headers = property(_get_mime_headers, Catalog._set_mime_headers)


def updated(file: Path, template: Catalog, locale: str) -> Catalog:
    """Return the texts of the template with their translations in a .po file. Others in it are dropped."""
    known = read_po(BytesIO(file.read_bytes() if file.exists() else b""), locale=locale)
    catalog = Translations(locale)
    for text in template:
        if text.id:
            old = known.get(text.id, text.context)
            catalog.add(
                text.id, old.string if old else None, text.locations, old.flags if old else (), text.auto_comments,
                old.user_comments if old else (), context=text.context,
            )  # fmt: skip
    return catalog


def written(catalog: Catalog) -> dict[str, bytes]:
    """Return the files of a catalog by their suffixes."""
    po, mo = BytesIO(), BytesIO()
    write_po(po, catalog, width=110, include_lineno=False, sort_by_file=True)
    write_mo(mo, catalog)
    return {".po": po.getvalue(), ".mo": mo.getvalue()}


def _forms(text: str | Sequence[str] | None) -> tuple[str, ...]:
    return (text or "",) if text is None or isinstance(text, str) else tuple(text)


def faults(catalog: Catalog) -> Iterator[str]:
    """Yield what is wrong with the translations of a catalog, in words."""
    for message in catalog:
        if not message.id:
            continue
        translations = _forms(message.string)
        if message.fuzzy or not all(translations):
            yield f"is not translated: {message.id!r}"
            continue
        ids = _forms(message.id)
        allowed = set().union(*(PLACEHOLDER.findall(one) for one in ids))
        for one in translations:
            # A text for one may leave the number out.
            if (used := set(PLACEHOLDER.findall(one))) - allowed or (len(ids) == 1 and used != allowed):
                yield f"has other placeholders than {message.id!r}: {one!r}"


def main(*, check: bool) -> int:
    """Write or check all catalogs. Return the exit code."""
    said = []
    for domain, patterns in DOMAINS.items():
        template = wanted(patterns)
        for locale in LOCALES:
            folder = LOCALE / locale / "LC_MESSAGES"
            file = folder / f"{domain}.po"
            catalog = updated(file, template, locale)
            said += [f"{file.relative_to(BASE)} {fault}" for fault in faults(catalog)]
            for suffix, content in written(catalog).items():
                target = file.with_suffix(suffix)
                if check and (not target.exists() or target.read_bytes() != content):
                    said.append(f"{target.relative_to(BASE)} is not up to date: run make messages")
                elif not check:
                    folder.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(content)
    sys.stdout.writelines(f"{one}\n" for one in said)
    if not said:
        sys.stdout.write("messages: all texts are translated\n")
    return int(check and bool(said))


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
