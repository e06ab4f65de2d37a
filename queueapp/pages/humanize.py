"""Numbers and durations in plain words, for the page's first render. format.js writes the same ones live."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext, ngettext

MINUTE, HOUR, DAY = 60, 3600, 86_400


def localized(text: str) -> str:
    """Return a number that Python has written, such as '7.5', with the decimal separator of the language."""
    return text if "e" in text else number_format(text)


def number(value: float, decimals: int = 0) -> str:
    """Return a number with so many decimals, and the separators of the language: '12,345', '7.5'."""
    return number_format(f"{value:.{decimals}f}", force_grouping=True)


def grouped(value: float) -> str:
    """Return a number with as many decimals as it has, and the separators of the language: '12,345', '0.25'."""
    text = f"{value:,}"
    return text if "e" in text else number_format(text.replace(",", ""), force_grouping=True)


def short(value: float) -> str:
    """Return a number to six digits, without needless zeros, and with the separators of the language: '12,345'."""
    text = f"{value:g}"
    return text if "e" in text else number_format(text, force_grouping=True)


def percent(value: float, decimals: int = 0) -> str:
    """Return a fraction as a percentage: '37%'."""
    return gettext("%(number)s%%") % {"number": number(value * 100, decimals)}


def seconds(value: float) -> str:
    """Return a duration in words: '40 ms', '7.5 s', '4 min 5 s', '2 h 5 min', '3 d 4 h'."""
    if 0 < value < 0.001:
        return gettext("under 1 ms")
    if value < 0.1:
        return gettext("%(number)s ms") % {"number": round(value * 1000)}
    if round(value, 1) < MINUTE:
        return gettext("%(number)s s") % {"number": localized(f"{value:.1f}".removesuffix(".0"))}
    return _long(round(value))


def _long(value: int) -> str:
    """Return a duration of a minute and more: its largest unit, and the next one unless it is 0."""
    if value >= DAY:
        days, hours = value // DAY, value % DAY // HOUR
        text = gettext("%(days)s d %(hours)s h") if hours else gettext("%(number)s d")
        return text % {"days": days, "hours": hours, "number": days}
    if value >= HOUR:
        hours, minutes = value // HOUR, value % HOUR // MINUTE
        text = gettext("%(hours)s h %(minutes)s min") if minutes else gettext("%(number)s h")
        return text % {"hours": hours, "minutes": minutes, "number": hours}
    minutes, rest = divmod(value, MINUTE)
    text = gettext("%(minutes)s min %(seconds)s s") if rest else gettext("%(number)s min")
    return text % {"minutes": minutes, "seconds": rest, "number": minutes}


def soon(value: float) -> str:
    """Return the time until something begins, no more exact than an estimate: 'any moment', 'in about 12 s'."""
    if value < 1:
        return gettext("any moment")
    return gettext("in about %(amount)s") % {"amount": _amount(*_rounded(value))}


def _rounded(value: float) -> tuple[int, int]:
    """Return a time as an estimate tells it: a whole number, and the seconds of its unit."""
    if value < 10:
        return round(value), 1
    if value < 58:
        return round(value / 2) * 2, 1
    unit = next((unit for unit in (DAY, HOUR) if value >= unit * 0.95), MINUTE)
    return max(round(value / unit), 1), unit


def _amount(value: int, unit: int) -> str:
    if unit == DAY:
        return ngettext("%(number)s day", "%(number)s days", value) % {"number": value}
    text = {HOUR: gettext("%(number)s h"), MINUTE: gettext("%(number)s min"), 1: gettext("%(number)s s")}[unit]
    return text % {"number": value}


def soon_between(earliest: float, latest: float) -> str:
    """Return the range of times until something begins: 'in 10 to 20 s', 'in 50 s to 2 min', or as soon()."""
    first, last = _rounded(earliest), _rounded(latest)
    if latest < 1 or (first == last and earliest >= 1):
        return soon(latest)
    if earliest < 1:
        return gettext("within %(amount)s") % {"amount": _amount(*last)}
    begin = str(first[0]) if first[1] == last[1] else _amount(*first)
    return gettext("in %(first)s to %(last)s") % {"first": begin, "last": _amount(*last)}


def turns(owed: float, flows: int) -> str:
    """Return a share of the processors as turns: 'every turn', '1 of 4 turns', '37% of the turns'."""
    if owed > 0.9995:
        return gettext("every turn")
    for whole in (flows, *range(2, 11)):
        part = round(owed * whole)
        if 0 < part < whole and abs(part / whole - owed) < 0.0001:
            return gettext("%(part)s of %(whole)s turns") % {"part": part, "whole": number(whole)}
    return gettext("%(percent)s of the turns") % {"percent": percent(owed, 0 if owed >= 0.1 else 1)}


def share(given: Mapping[str, Any], user: str, active: bool, next_turn: float | None = None) -> str:
    """Return a sentence: the share that the user's flow is owed, and in how many seconds its next turn comes.

    Not `active`: the user has no job, so the share is that of the next one. No `next_turn`: nothing waits, or nobody
    can tell.
    """
    if given["owed"] == 0:
        return gettext("No turns while paused")
    said = gettext("Your share now: %(turns)s") if active else gettext("Your next job gets %(turns)s")
    said %= {"turns": turns(given["owed"], given["flows"])}
    if given["weight"] != 1:
        said += gettext(", by weight %(weight)s") % {"weight": localized(f"{given['weight']:g}")}
    if given["flow"] != user:
        said += gettext(", together with %(flow)s") % {"flow": given["flow"]}
    if given["cap"] is not None:
        said += gettext(", at most %(cap)s at once") % {"cap": given["cap"]}
    return said if next_turn is None else said + gettext("; next turn %(soon)s") % {"soon": soon(next_turn)}


def processors(alive: int, busy: int, mine: int, starting: int) -> str:
    """Return a sentence: how many processors there are, how many are busy, with the user's jobs, and starting."""
    said = gettext("No processor is alive")
    if alive:
        said = ngettext("%(number)s processor", "%(number)s processors", alive) % {"number": number(alive)}
        said += (
            gettext(", %(number)s busy") % {"number": number(busy)} if busy else ngettext(", free", ", all free", alive)
        )
        said += gettext(", %(number)s with your jobs") % {"number": number(mine)} if busy and mine else ""
    if not starting:
        return said
    if alive:
        more = ngettext("; %(number)s more is starting", "; %(number)s more are starting", starting)
    else:
        more = ngettext("; %(number)s is starting", "; %(number)s are starting", starting)
    return said + more % {"number": number(starting)}


def unseen(failures: int, most: int) -> str:
    """Return a sentence: how many jobs failed that the user has not seen yet. `most`: that are counted."""
    if failures > most:
        return gettext("More than %(number)s jobs failed that you have not seen yet.") % {"number": number(most)}
    text = ngettext(
        "%(number)s job failed that you have not seen yet.",
        "%(number)s jobs failed that you have not seen yet.",
        failures,
    )
    return text % {"number": number(failures)}


def is_over(spent: float, declared: float) -> bool:
    """Whether a job takes longer than declared, by more than 2% plus half a second. Most jobs take a little longer."""
    return spent > declared * 1.02 + 0.5
