"""The slices in which a report over a span of time is told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

from ..models import WIDTHS

MAX_SLICES = 62
"""Slices of a span, unless they are the longest ones. The first and the last are widened, so there may be two more."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Slices:
    """A span in whole slices of `width` seconds, one of WIDTHS: the buckets of totals. The last may not be over."""

    begin: datetime
    until: datetime
    width: int

    @cached_property
    def many(self) -> int:
        """The number of slices."""
        return -(-(self.until - self.begin) // timedelta(seconds=self.width))

    @property
    def lengths(self) -> list[float]:
        """The seconds of each slice, up to now."""
        last = (self.until - self.begin) / timedelta(seconds=1) - (self.many - 1) * self.width
        return [float(self.width)] * (self.many - 1) + [last]


def slices(begin: datetime, until: datetime, now: datetime) -> Slices:
    """Return the slices of a span: it is widened to whole ones, but ends now at the latest. `begin` must be past."""
    length = (min(until, now) - begin) / timedelta(seconds=1)
    width = next((width for width in WIDTHS if length <= MAX_SLICES * width), WIDTHS[-1])
    step = timedelta(seconds=width)
    first, last = (begin - _EPOCH) // step, -(-(until - _EPOCH) // step)
    return Slices(_EPOCH + first * step, min(_EPOCH + last * step, now), width)
