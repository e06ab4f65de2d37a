"""How long to wait before another attempt, and when there is none."""

from __future__ import annotations


def retry_delay(attempt: int, max_attempts: int, first: float, most: float, chance: float) -> float:
    """Seconds between attempt number `attempt` (from 1), which failed, and the next.

    Doubles from `first` to at most `most` within a row of `max_attempts`; a row that somebody asked for anew begins
    with `first` again. `chance`, from 0 to 1 and drawn anew each time, takes away up to half, so that jobs that failed
    together do not come back together.
    """
    earlier = (attempt - 1) % max_attempts
    longest = min(first * 2.0 ** min(earlier, 1_000), most)
    return longest * (1.0 - chance / 2.0)


def gives_up(attempt: int, max_attempts: int) -> bool:
    """Whether attempt number `attempt` was the last. One that somebody asked for anew begins another row of them."""
    return attempt % max_attempts == 0
