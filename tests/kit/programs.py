"""PostgreSQL's programs."""

from __future__ import annotations

import os
from importlib.util import find_spec

from jobsite.embedded import PACKAGE, VERSION


def programs() -> str:
    """Return a PATH on which PostgreSQL's programs of the embedded server's version come first."""
    spec = find_spec(PACKAGE)
    found = spec.submodule_search_locations if spec is not None else None
    return os.pathsep.join([*(f"{folder}/pginstall{VERSION}/bin" for folder in found or ()), os.environ["PATH"]])
