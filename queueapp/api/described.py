"""drf-spectacular's `extend_schema` for projects that have not made its AutoSchema the default of all their views."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import extend_schema

Method = TypeVar("Method", bound=Callable[..., Any])


def described(**what: Any) -> Callable[[Method], Method]:
    """Return the decorator of a view's method that says what the schema has of it: see extend_schema()."""

    def decorate(method: Method) -> Method:
        # extend_schema() takes this class from here; without it, from the project's DEFAULT_SCHEMA_CLASS.
        method.kwargs = {"schema": AutoSchema}  # type: ignore[attr-defined]
        return extend_schema(**what)(method)

    return decorate
