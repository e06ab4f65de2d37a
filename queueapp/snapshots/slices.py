"""The slices in which a report over a span of time is told, and the totals that it sums up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

from ..models import WIDTHS

SLICE_WIDTHS = (60, 120, 300, 600, 1_800, 3_600, 21_600, 43_200, 86_400)
"""Seconds of a slice: the first that makes at most MAX_SLICES."""
MAX_SLICES = 62
"""Slices of a span, of which the first and the last may be widened: so there may be one or two more."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Slices:
    """A span in whole slices of `width` seconds; the last may not be over. `bucket`: the one of WIDTHS to sum up."""

    begin: datetime
    until: datetime
    width: int
    bucket: int

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
    width = next((width for width in SLICE_WIDTHS if length <= MAX_SLICES * width), SLICE_WIDTHS[-1])
    step = timedelta(seconds=width)
    first, last = (begin - _EPOCH) // step, -(-(until - _EPOCH) // step)
    bucket = max(bucket for bucket in WIDTHS if width % bucket == 0)
    return Slices(_EPOCH + first * step, min(_EPOCH + last * step, now), width, bucket)
