"""The command line `turnabout`. Each module has a few commands; this one has what all of them share."""

from __future__ import annotations

import sys

import filelock
import httpx

from ..errors import TurnaboutError
from .app import app
from .output import complain, exit_code

__all__ = ["app", "main"]

EXPECTED = (TurnaboutError, httpx.HTTPError, filelock.Timeout, ValueError, OSError)
"""Errors of the user's or the site's, told in a sentence. Others are defects of this program."""


def main() -> None:
    """Run the command of sys.argv. Exits with one of output.Exit, and says why in a sentence, without a traceback."""
    try:
        app(prog_name="turnabout")
    except Exception as error:
        if not isinstance(error, EXPECTED):
            raise
        complain(error)
        sys.exit(exit_code(error))
