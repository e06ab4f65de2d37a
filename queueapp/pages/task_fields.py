"""The fields of a form, made of a task's signature, and the payload that was typed into them.

    def resize(job: JobContext, width: int, kind: Literal["png", "webp"] = "png") -> None: ...

has the fields `width`, for a whole number, and `kind`, a choice. What has no field of its own kind, such as a list, is
typed as JSON.
"""

from __future__ import annotations

import inspect
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext, gettext_lazy
from pydantic.errors import PydanticUserError

from ..errors import FieldError, InvalidSubmission
from ..registry import Task
from . import humanize
from .json_text import parse_json

REST = "payload"
"""The input for arguments that the signature does not name; with a dot, the beginning of all others."""
LONG_TEXT = 60
"""A default of more characters, or of several lines, gets a box of several lines."""
KINDS = {"string": "text", "integer": "integer", "number": "number", "boolean": "boolean"}
EXPECTED = {
    "integer": gettext_lazy("give a whole number, such as 12"),
    "number": gettext_lazy("give a number, such as 12.5"),
}
_BOUNDS = {
    "minimum": gettext_lazy("at least %(number)s"),
    "exclusiveMinimum": gettext_lazy("more than %(number)s"),
    "maximum": gettext_lazy("at most %(number)s"),
    "exclusiveMaximum": gettext_lazy("less than %(number)s"),
    "minLength": gettext_lazy("characters: at least %(number)s"),
    "maxLength": gettext_lazy("characters: at most %(number)s"),
}
# "width: pixels", "width (int): pixels" or ":param width: pixels" in a docstring.
_HELP = re.compile(r"^\s*(?::param\s+)?(\w+)(?:\s*\([^)]*\))?:\s+(\S.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Field:
    """One argument of a task. `kind`: text, long, integer, number, boolean, choice or json; or rest, for all arguments
    that the signature does not name.

    `value`: what the form shows, as text; at first the default. `choices`: values as JSON, and how they are shown.
    """

    name: str
    kind: str
    label: str
    required: bool
    nullable: bool
    default: Any
    value: str
    help: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    error: str = ""

    @property
    def input(self) -> str:
        """The name and id of its input."""
        return REST if self.kind == "rest" else f"{REST}.{self.name}"


def about(task: Task) -> str:
    """Return the first paragraph of a task's docstring, as one line."""
    return (inspect.getdoc(task.function) or "").split("\n\n")[0].replace("\n", " ")


def schema_of(task: Task) -> dict[str, Any]:
    """Return the JSON Schema of a task's payload; of one that has none, that of any object."""
    try:
        return task.payload.json_schema()
    except PydanticUserError:  # an argument of a type that JSON has no word for
        return {"additionalProperties": True}


def fields_of(task: Task) -> list[Field]:
    """Return the fields of a task's form, in the order of its parameters."""
    schema, docstring = schema_of(task), inspect.getdoc(task.function) or ""
    helps, required = dict(_HELP.findall(docstring)), schema.get("required", [])
    fields = [
        _field(name, _resolved(shape, schema), name in required, helps.get(name, ""))
        for name, shape in schema.get("properties", {}).items()
    ]
    if schema.get("additionalProperties"):
        label = gettext("Other arguments") if fields else gettext("Arguments")
        fields.append(Field(REST, "rest", label, False, False, {}, "", gettext("An object, as JSON.")))
    return fields


def _field(name: str, shape: Mapping[str, Any], required: bool, help_text: str) -> Field:
    options = shape.get("anyOf", [])
    nullable = {"type": "null"} in options
    kinds = [option for option in options if option != {"type": "null"}]
    inner = {**shape, **kinds[0]} if len(kinds) == 1 else shape
    values = inner.get("enum", [inner["const"]] if "const" in inner else [])
    default = shape.get("default")
    kind = "choice" if values else KINDS.get(inner.get("type", ""), "json")
    if kind == "boolean" and (nullable or required):
        kind, values = "choice", [True, False]
    if kind == "text" and isinstance(default, str) and (len(default) > LONG_TEXT or "\n" in default):
        kind = "long"
    return Field(
        name, kind, name.replace("_", " ").capitalize(), required, nullable, default,
        "" if default is None else default if kind in ("text", "long") else json.dumps(default, ensure_ascii=False),
        _sentence(str(shape.get("description", help_text)), inner),
        tuple((json.dumps(value), _said(value)) for value in values),
    )  # fmt: skip


def _resolved(shape: dict[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the shape, or the definition that it refers to."""
    definitions = {f"#/$defs/{name}": found for name, found in schema.get("$defs", {}).items()}
    options = [{**option, **definitions.get(option.get("$ref", ""), {})} for option in shape.get("anyOf", [])]
    found = {**definitions.get(shape.get("$ref", ""), {}), **shape}
    return {**found, "anyOf": options} if options else found


def _said(value: Any) -> str:
    if isinstance(value, str):
        return value
    text = json.dumps(value, ensure_ascii=False)
    return {"true": gettext("yes"), "false": gettext("no")}.get(text, text)


def _sentence(help_text: str, shape: Mapping[str, Any]) -> str:
    """Return the help of a field, with the bounds of its value."""
    bounds = [
        words % {"number": humanize.grouped(shape[name])}
        for name, words in _BOUNDS.items()
        if isinstance(shape.get(name), int | float)
    ]
    said = ", ".join(bounds)
    text = f"{help_text} ({said})" if help_text and said else help_text or said
    return text[:1].upper() + text[1:]


def payload_of(fields: list[Field], given: Mapping[str, str]) -> dict[str, Any]:
    """Return the payload that was typed. Raises InvalidSubmission with an error for each field that makes no sense.

    A field that was left empty is left out, so the task's default holds; but text whose default was deleted is "".
    """
    payload: dict[str, Any] = {}
    errors: list[FieldError] = []
    for field in fields:
        try:
            payload |= dict(_typed(field, given.get(field.input, "")))
        except ValueError as wrong:
            errors.append(FieldError(field.input, str(wrong)))
    if errors:
        raise InvalidSubmission(errors)
    return payload


def _typed(field: Field, text: str) -> Iterator[tuple[str, Any]]:
    """Yield the arguments in a field: one, none, or those of the field for all others. Raises ValueError."""
    if field.kind in ("text", "long"):
        text = text.replace("\r\n", "\n")
        if text or field.required or field.default:
            yield field.name, text
    elif field.kind == "boolean":
        yield field.name, bool(text)
    elif not text.strip():
        if field.required:
            raise ValueError(gettext("choose one") if field.kind == "choice" else gettext("is needed"))
    elif field.kind in EXPECTED:
        yield field.name, _number(field.kind, text.strip())
    elif field.kind == "rest":
        value = parse_json(text)
        if not isinstance(value, dict):
            raise ValueError(gettext('give an object, such as {"name": 1}'))
        yield from value.items()
    else:
        yield field.name, parse_json(text)


def _number(kind: str, text: str) -> float:
    try:
        if kind == "integer":
            return int(text)  # of any length: only floats have infinities
        number = float(text.replace(",", "."))
    except ValueError:
        raise ValueError(str(EXPECTED[kind])) from None
    if not math.isfinite(number):
        raise ValueError(str(EXPECTED[kind]))
    return number


def shown(fields: list[Field], given: Mapping[str, str], errors: Mapping[str, str]) -> list[Field]:
    """Return the fields with what was sent, and their errors."""
    return [replace(field, value=given.get(field.input, ""), error=errors.get(field.input, "")) for field in fields]
