"""Numbers and durations in plain words, for the page's first render. format.js writes the same ones live."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MINUTE, HOUR, DAY = 60, 3600, 86_400


def seconds(value: float) -> str:
    """Return a duration in words: '40 ms', '7.5 s', '4 min 5 s', '2 h 5 min', '3 d 4 h'."""
    if 0 < value < 0.001:
        return "under 1 ms"
    if value < 0.1:
        return f"{round(value * 1000)} ms"
    if round(value, 1) < MINUTE:
        return f"{value:.1f}".removesuffix(".0") + " s"
    whole = round(value)
    for unit, name, part, part_name in (
        (DAY, "d", HOUR, "h"),
        (HOUR, "h", MINUTE, "min"),
        (MINUTE, "min", 1, "s"),
    ):
        if whole >= unit:
            rest = whole % unit // part
            return f"{whole // unit} {name}" + (f" {rest} {part_name}" if rest else "")
    raise AssertionError("unreachable")


def soon(value: float) -> str:
    """Return the time until something begins, no more exact than an estimate: 'any moment', 'in about 12 s'."""
    if value < 1:
        return "any moment"
    if value < 10:
        return f"in about {round(value)} s"
    if value < 58:
        return f"in about {round(value / 2) * 2} s"
    for unit, one, many in ((DAY, "day", "days"), (HOUR, "h", "h"), (MINUTE, "min", "min")):
        if value >= unit * 0.95:
            number = max(round(value / unit), 1)
            return f"in about {number} {one if number == 1 else many}"
    return "in about 1 min"


def soon_between(earliest: float, latest: float) -> str:
    """Return the range of times until something begins: 'in 10 to 20 s', 'in 50 s to 2 min', or as soon()."""
    first, last = (soon(value).removeprefix("in about ") for value in (earliest, latest))
    if first == last or latest < 1:
        return soon(latest)
    if earliest < 1:
        return f"within {last}"
    number, unit = first.split(" ", 1)
    return f"in {number if last.endswith(unit) else first} to {last}"


def turns(owed: float, flows: int) -> str:
    """Return a share of the processors as turns: 'every turn', '1 of 4 turns', '37% of the turns'."""
    if owed > 0.9995:
        return "every turn"
    for whole in (flows, *range(2, 11)):
        part = round(owed * whole)
        if 0 < part < whole and abs(part / whole - owed) < 0.0001:
            return f"{part} of {whole:,} turns"
    return f"{owed * 100:.{0 if owed >= 0.1 else 1}f}% of the turns"


def share(given: Mapping[str, Any], user: str, active: bool, next_turn: float | None = None) -> str:
    """Return a sentence: the share that the user's flow is owed, and in how many seconds its next turn comes.

    Not `active`: the user has no job, so the share is that of the next one. No `next_turn`: nothing waits, or nobody
    can tell.
    """
    if given["owed"] == 0:
        return "No turns while paused"
    said = ("Your share now: " if active else "Your next job gets ") + turns(given["owed"], given["flows"])
    if given["weight"] != 1:
        said += f", by weight {given['weight']:g}"
    if given["flow"] != user:
        said += f", together with {given['flow']}"
    if given["cap"] is not None:
        said += f", at most {given['cap']} at once"
    return said if next_turn is None else f"{said}; next turn {soon(next_turn)}"


def processors(alive: int, busy: int, mine: int, starting: int) -> str:
    """Return a sentence: how many processors there are, how many are busy, with the user's jobs, and starting."""
    said = "No processor is alive"
    if alive:
        said = f"{alive:,} processor{'' if alive == 1 else 's'}"
        said += f", {busy:,} busy" if busy else f", {'free' if alive == 1 else 'all free'}"
        said += f", {mine:,} with your jobs" if busy and mine else ""
    if starting:
        said += f"; {starting:,}{' more' if alive else ''} {'is' if starting == 1 else 'are'} starting"
    return said


def unseen(failures: int, most: int) -> str:
    """Return a sentence: how many jobs failed that the user has not seen yet. `most`: that are counted."""
    if failures > most:
        return f"More than {most:,} jobs failed that you have not seen yet."
    return f"{failures:,} job{'' if failures == 1 else 's'} failed that you have not seen yet."


def is_over(spent: float, declared: float) -> bool:
    """Whether a job takes longer than declared, by more than 2% plus half a second. Most jobs take a little longer."""
    return spent > declared * 1.02 + 0.5
