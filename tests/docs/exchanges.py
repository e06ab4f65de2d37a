"""Requests and answers as the documentation shows them.

A request is on a line, with its body and the status; or there is one, and below it headers and the body of the answer.
`...` stands for what is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

REQUEST = re.compile(r"(?P<method>GET|POST|PATCH|DELETE) +(?P<path>\S+)(?P<rest>.*)")
ABRIDGED = (
    (r"(?<=[:,\[{ ])\.\.\.(?=[,\]}])|(?<=[\[{])\.\.\.", '"..."'),
    (r'\{"\.\.\."\}', '{"...": null}'),
    (r', "\.\.\."\}', ', "...": null}'),
    (r'": "\.\.\."', '": "..."'),
)
"""How `...` in JSON is written as JSON: as a text, an element or a member."""


@dataclass
class Exchange:
    """A request, and what the page shows of the answer. None: it shows nothing of that."""

    method: str
    path: str
    body: Any = None
    status: int | None = None
    answer: Any = None


def exchanges(code: str) -> Iterator[Exchange]:
    """Yield the exchanges of a block."""
    lines, _, below = code.partition("\n\n")
    for line in lines.splitlines():
        found = REQUEST.fullmatch(line)
        assert found is not None, line
        exchange = Exchange(found["method"], found["path"])
        rest = found["rest"].strip()
        if rest.startswith("{"):
            exchange.body, rest = first_json(rest)
        if status := re.match(r"\d{3}\b", rest):
            exchange.status, rest = int(status[0]), rest[3:].strip()
        if rest.startswith("{"):
            exchange.answer, _ = first_json(rest)
        elif below and (begin := re.search(r"^\{", below, re.MULTILINE)):
            exchange.answer = abridged(below[begin.start() :])
        yield exchange


def first_json(text: str) -> tuple[Any, str]:
    """Return the value that a text begins with, and the rest."""
    value, end = json.JSONDecoder().raw_decode(written(text))
    return value, written(text)[end:].strip()


def abridged(text: str) -> Any:
    """Return a JSON value that has `...` for what is left out."""
    return json.loads(written(text))


def written(text: str) -> str:
    for pattern, instead in ABRIDGED:
        text = re.sub(pattern, instead, text)
    return text


def differences(shown: Any, real: Any, where: str = "") -> Iterator[str]:
    """Yield where an answer has not the form of the one that is shown: its members, and the types of its values."""
    if shown == "..." or shown is None or real is None:
        return
    if isinstance(shown, dict) and isinstance(real, dict):
        if missing := shown.keys() - real.keys() - {"..."}:
            yield f"{where}: there is no {', '.join(sorted(missing))}"
        if "..." not in shown and (more := real.keys() - shown.keys()):
            yield f"{where}: there is more: {', '.join(sorted(more))}"
        for name in shown.keys() & real.keys():
            yield from differences(shown[name], real[name], f"{where}.{name}")
    elif isinstance(shown, list) and isinstance(real, list):
        for one in real if shown else ():
            yield from differences(shown[0], one, f"{where}[]")
    elif not (isinstance(shown, int | float) and isinstance(real, int | float)) and type(shown) is not type(real):
        yield f"{where}: {real!r} is not like {shown!r}"
