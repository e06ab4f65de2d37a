"""The arguments that several commands take, and how their texts are read."""

from __future__ import annotations

import json
import re
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from ..shapes import Status

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ms|s|min|m|h|d)?")

STATUSES: tuple[Status, ...] = ("queued", "running", "succeeded", "failed", "cancelled")


def seconds(text: str) -> float:
    """Return a duration in seconds: "2.5", "500ms", "1m30s", "2h". Raises BadParameter."""
    text = text.replace(" ", "")
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise typer.BadParameter(f"{text!r} is not a duration such as 2s, 500ms or 1m30s")
    if len(parts) > 1 and not all(unit for _, unit in parts):
        raise typer.BadParameter(f"{text!r} has a number without a unit")
    return sum(float(number) * _UNITS[unit or "s"] for number, unit in parts)


def moment(text: str) -> datetime:
    """Return a moment of ISO 8601; without a time zone, in that of the user. Raises BadParameter."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a moment such as 2030-01-31T08:00 or 2030-01-31T08:00:00Z") from None
    return found.astimezone()


def payload(text: str) -> dict[str, Any]:
    """Return the JSON object that is given, or is in a file: @FILE, @- for standard input. Raises BadParameter."""
    if text.startswith("@"):
        try:
            text = sys.stdin.read() if text == "@-" else Path(text[1:]).read_text()
        except (OSError, UnicodeDecodeError) as wrong:
            raise typer.BadParameter(f"{text[1:]} cannot be read: {wrong}") from None
    try:
        content = json.loads(text)
    except json.JSONDecodeError as wrong:
        raise typer.BadParameter(f"this is not JSON: {wrong}") from None
    if not isinstance(content, dict):
        raise typer.BadParameter('a payload is a JSON object such as {"width": 640}')
    return content


def status(text: str) -> str:
    """Return the status. Raises BadParameter."""
    if text not in STATUSES:
        raise typer.BadParameter(f"must be one of {', '.join(STATUSES)}")
    return text


def _complete_status(incomplete: str) -> list[str]:
    return [name for name in STATUSES if name.startswith(incomplete)]


Json = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
Timeout = Annotated[
    float | None, typer.Option(parser=seconds, metavar="DURATION", help="Wait no longer than this, such as 5m.")
]
Task = Annotated[str | None, typer.Option(help="Only jobs of this task.")]
StatusOption = Annotated[
    str | None,
    typer.Option("--status", parser=status, metavar="STATUS", autocompletion=_complete_status,
                 help="Only jobs with this status."),
]  # fmt: skip
Prefix = Annotated[str | None, typer.Option(help="Only jobs whose names begin so.")]
After = Annotated[
    datetime | None,
    typer.Option("--submitted-after", parser=moment, metavar="MOMENT", help="Only jobs submitted then or later."),
]
Before = Annotated[
    datetime | None,
    typer.Option("--submitted-before", parser=moment, metavar="MOMENT", help="Only jobs submitted before then."),
]
Everything = Annotated[bool, typer.Option("--all", help="All jobs.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether you are sure.")]
