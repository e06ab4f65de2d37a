"""What a task reports while it runs, as the task process writes it for its worker: stages and a note.

The worker trusts none of it: the task process may have written anything.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any, NamedTuple

from ..registry import LONGEST_NOTE, LONGEST_STAGE, MOST_STAGES
from ..storable import clean_text, json_text

Stages = list[tuple[str, float]]


class Said(NamedTuple):
    """Stages, as JSON text, and a note, both as the database can store them."""

    stages: str = "[]"
    note: str = ""


def encoded(stages: Stages, note: str) -> str:
    """Return what parsed() reads; empty if nothing is reported."""
    return json.dumps([stages, note], ensure_ascii=False) if stages or note else ""


def parsed(text: str) -> Said | None:
    """Return what was reported, within its bounds. None: nothing, or it cannot be read."""
    if not text:
        return None
    with suppress(ValueError, TypeError, LookupError, OverflowError, RecursionError):
        stages, note = json.loads(text)
        return Said(json_text([_stage(*stage) for stage in stages[:MOST_STAGES]]), clean_text(note, LONGEST_NOTE))
    return None


def _stage(name: Any, at: Any) -> tuple[str, float]:
    return clean_text(name, LONGEST_STAGE), min(max(float(at), 0.0), 1e9)
