"""What is right and what is wrong with the jobs of a text, before any of them is submitted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.utils.translation import gettext

from ...conf import queue_settings
from ...errors import BacklogFull, InvalidSubmission, JobConflict
from ...i18n import gettext_noop
from ...lifecycle.quota import free_room
from ...lifecycle.submit import Accepted, existing, submit
from ...lifecycle.validation import Submission, parse
from ...models import Owner
from .. import humanize
from .rows import Row

MAX_WRONG = 100
"""Mistakes that are listed. The others are counted."""
OTHER_CONTENT = gettext_noop("is the name of another job of yours, with other content; choose a new one")


@dataclass(frozen=True)
class Wrong:
    """One thing that is wrong on a line, from 1. No `column`: it is about the line as a whole."""

    line: int
    column: str
    message: str


@dataclass
class Checked:
    """What a text has: its jobs, which are all right if there is nothing wrong, and how many of them exist already.

    `left_out`: lines of an SWF log without a run time. `refused`: why none of the jobs can be taken now, or "".
    """

    jobs: list[tuple[int, Submission]] = field(default_factory=list)
    wrong: list[Wrong] = field(default_factory=list)
    wrong_lines: set[int] = field(default_factory=set)
    left_out: int = 0
    existing: int = 0
    refused: str = ""

    def add(self, line: int, column: str, message: str) -> None:
        """Note something that is wrong."""
        self.wrong_lines.add(line)
        if len(self.wrong) < MAX_WRONG:
            self.wrong.append(Wrong(line, column, message))

    @property
    def is_right(self) -> bool:
        """Whether all of it can be submitted."""
        return bool(self.jobs) and not self.wrong and not self.refused

    @property
    def new(self) -> int:
        """How many jobs do not exist yet."""
        return len(self.jobs) - self.existing


def check(owner: Owner, rows: Iterable[Row]) -> Checked:
    """Return what is right and wrong with the rows: alone, among each other, and beside the owner's jobs."""
    checked, lines, most = Checked(), dict[str, int](), queue_settings().MAX_BULK_JOBS
    for row in rows:
        if len(checked.jobs) + len(checked.wrong_lines) >= most:
            text = gettext("There are more than %(most)s jobs, and at most %(most)s are taken at once. Cut it up.")
            checked.refused = text % {"most": humanize.number(most)}
            break
        if (job := _parsed(row, checked)) is None:
            continue
        if (first := lines.setdefault(job.job_id, row.line)) != row.line:
            also = gettext("is also on line %(line)s") % {"line": humanize.number(first)}
            checked.add(row.line, "job_id", also)
        else:
            checked.jobs.append((row.line, job))
    if not checked.refused:
        _compare(owner, checked)
    checked.wrong.sort(key=lambda wrong: wrong.line)
    return checked


def _parsed(row: Row, checked: Checked) -> Submission | None:
    """Return the job of a row; None if it has none, or a wrong one. Notes what is wrong."""
    for column, message in row.wrong:
        checked.add(row.line, column, message)
    if row.wrong or row.job is None:
        checked.left_out += not row.wrong
        return None
    try:
        return parse(row.job)
    except InvalidSubmission as invalid:
        for error in invalid.errors:
            message = gettext("is missing") if error.message == gettext("Field required") else error.message
            checked.add(row.line, error.field, message)
    return None


def _compare(owner: Owner, checked: Checked) -> None:
    """Compare the jobs with those that the owner has, and with the room that is left."""
    known = existing(owner, [job for _, job in checked.jobs])
    checked.existing = len(known)
    for index in sorted(index for index, is_same in known.items() if not is_same):
        checked.add(checked.jobs[index][0], "job_id", gettext(OTHER_CONTENT))
    free = free_room(owner.pk)
    if free is not None and checked.new > free:
        text = gettext("%(new)s jobs are new, and only %(free)s more of yours may wait now. Send fewer, or later.")
        checked.refused = text % {"new": humanize.number(checked.new), "free": humanize.number(free)}


def submit_all(owner: Owner, checked: Checked) -> Accepted | None:
    """Submit the jobs, all or none. Return None if something is wrong after all, and note it."""
    try:
        return submit(owner, [job for _, job in checked.jobs])
    except JobConflict as conflict:
        for index in conflict.indexes:
            checked.add(checked.jobs[index][0], "job_id", gettext(OTHER_CONTENT))
    except BacklogFull as full:
        checked.refused = str(full)
    return None
