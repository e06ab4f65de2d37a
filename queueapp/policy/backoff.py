"""The delay before the next attempt at a job, and the end of its attempts."""

from __future__ import annotations


def retry_delay(attempt: int, max_attempts: int, first: float, most: float, chance: float) -> float:
    """Return the seconds between attempt number `attempt` (from 1), which failed, and the next.

    The delay doubles from `first` to at most `most` within a row of `max_attempts` attempts. A retry that somebody
    asked for begins a new row, with `first`. `chance` is from 0 to 1 and drawn anew each time. It takes away up to
    half of the delay, so that jobs that failed together do not come back together.
    """
    earlier = (attempt - 1) % max_attempts
    longest = min(first * 2.0 ** min(earlier, 1_000), most)
    return longest * (1.0 - chance / 2.0)


def gives_up(attempt: int, max_attempts: int) -> bool:
    """Whether attempt number `attempt` was the last of its row. A retry that somebody asked for begins a new row."""
    return attempt % max_attempts == 0
