"""Extension of Sphinx: annotations in the reference of Python are evaluated, so that each class is the one meant."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any, get_args, get_origin, get_type_hints

from django.contrib.auth.models import AbstractBaseUser
from sphinx.application import Sphinx

import queueapp
import turnabout_client
from queueapp import handle, pytest_plugin
from turnabout_client import _operations, _steps


def setup(_: Sphinx) -> dict[str, bool]:
    """Give modules the names that they import for type checkers only, and clients methods with a signature."""
    vars(queueapp).update(Job=handle.Job, AbstractBaseUser=AbstractBaseUser)
    vars(pytest_plugin).update(Job=handle.Job)
    for name, operation in vars(_operations.Operations).items():
        if isinstance(operation, FunctionType) and not name.startswith("_") and hasattr(turnabout_client.Client, name):
            setattr(turnabout_client.Client, name, _method(operation))
    return {"parallel_read_safe": True}


def _method(operation: FunctionType) -> Callable[..., Any]:
    """Return the method of a client as `help` should show it: what it returns, not the steps to it."""
    hints = get_type_hints(operation)
    origin, arguments = get_origin(hints["return"]), get_args(hints["return"])
    hints["return"] = Iterator[arguments[0]] if origin is _steps.Items else arguments[-1]  # type: ignore[valid-type]
    operation.__annotations__ = hints
    return operation
