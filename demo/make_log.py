"""Invents the log of an office day that `make demo` replays: writes demo/office-day.swf, the same every time.

    python demo/make_log.py

Eight hours of eight users on four processors. At 60 times the speed it is eight minutes, and jobs take 0.3 to
8 seconds. User 1 submits many jobs at once, again and again; the others a few or one at a time. So there is a
backlog most of the time, and it is to be seen whose jobs wait for whose.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).parent / "office-day.swf"
DAY = 8 * 3600
LUNCH = range(3 * 3600, 4 * 3600)
SEED = 24

HEADER = """\
; Version: 2.2
; Computer: none, this log is invented
; Installation: an office of eight, see make_log.py
; MaxJobs: {jobs}
; MaxRecords: {jobs}
; Preemption: No
; UnixStartTime: 1767603600
; TimeZone: 0
; TimeZoneString: UTC
; StartTime: Mon Jan 05 09:00:00 UTC 2026
; EndTime:   Mon Jan 05 17:00:00 UTC 2026
; MaxNodes: 4
; MaxProcs: 4
; Note: made to be replayed at 60 times its speed on 4 processors
;
"""


@dataclass(frozen=True)
class Habit:
    """How one user works, in seconds of the log.

    `begins`: when the first submission comes; `gap`: how far apart they are on average; `jobs`: how many each
    has, from and to; `run_time`: how long these run, from and to.
    """

    begins: int
    gap: int
    jobs: tuple[int, int]
    run_time: tuple[int, int]


# Users 1 to 3 are there from the first second: who has just logged in as one of them sees something happen.
HABITS = {
    1: Habit(begins=0, gap=1500, jobs=(28, 44), run_time=(18, 90)),  # a study of many small cases
    2: Habit(begins=0, gap=240, jobs=(1, 2), run_time=(60, 200)),
    3: Habit(begins=0, gap=700, jobs=(3, 6), run_time=(30, 180)),
    4: Habit(begins=40, gap=330, jobs=(1, 1), run_time=(20, 200)),
    5: Habit(begins=150, gap=400, jobs=(1, 2), run_time=(18, 120)),
    6: Habit(begins=400, gap=480, jobs=(1, 1), run_time=(60, 300)),
    7: Habit(begins=900, gap=600, jobs=(1, 3), run_time=(18, 60)),
    8: Habit(begins=1800, gap=3600, jobs=(2, 4), run_time=(240, 480)),  # reports, on the hour or so
}


def main() -> None:
    """Write the log."""
    FILE.write_text(text(), encoding="ascii")
    sys.stdout.write(f"Wrote {FILE.name}.\n")


def text() -> str:
    """The log."""
    randomness = random.Random(SEED)  # noqa: S311 (nothing here is secret)
    jobs = [job for user, habit in HABITS.items() for job in day_of(user, habit, randomness)]
    jobs.sort(key=lambda job: job[0])
    return HEADER.format(jobs=len(jobs)) + "".join(line(n, *job) for n, job in enumerate(jobs, start=1))


def day_of(user: int, habit: Habit, randomness: random.Random) -> Iterator[tuple[int, int, int]]:
    """The submit time, user and run time of each job of one user."""
    now = float(habit.begins)
    while now < DAY:
        for _ in range(randomness.randint(*habit.jobs)):
            yield int(now), user, int(randomness.uniform(*habit.run_time))
        pause = habit.gap * randomness.uniform(0.5, 1.5)
        now += pause * 2 if int(now) in LUNCH else pause


def line(number: int, submit: int, user: int, run_time: int) -> str:
    """One job in the Standard Workload Format; -1: unknown."""
    return f"{number:5} {submit:6} -1 {run_time:4} 1 -1 -1 1 {run_time:4} -1 1 {user} 1 -1 1 -1 -1 -1\n"


if __name__ == "__main__":
    main()
