"""Sentences of the page: what was found in a text, and what came of it."""

from __future__ import annotations

from django.utils.translation import gettext, ngettext

from .. import humanize
from .check import Checked


def jobs(number: int) -> str:
    """Return a number of jobs: '1 job', '9,998 jobs'."""
    return ngettext("%(number)s job", "%(number)s jobs", number) % _with(number)


def _with(number: int) -> dict[str, str]:
    return {"number": humanize.number(number)}


def title(checked: Checked) -> str:
    """Return what was found, in a few words."""
    if wrong := len(checked.wrong_lines):
        return ngettext("%(number)s line is wrong", "%(number)s lines are wrong", wrong) % _with(wrong)
    if not checked.jobs:
        return gettext("There is no job in it")
    return gettext("%(jobs)s, no line is wrong") % {"jobs": jobs(len(checked.jobs))}


def summary(checked: Checked) -> str:
    """Return sentences: what would be submitted, and what not."""
    said = []
    if checked.wrong:
        said.append(gettext("The other lines have %(jobs)s.") % {"jobs": jobs(len(checked.jobs))})
        said.append(gettext("Nothing is submitted until every line is right."))
    elif checked.jobs:
        said.append(ngettext("%(number)s is new.", "%(number)s are new.", checked.new) % _with(checked.new))
        if existing := checked.existing:
            text = ngettext(
                "%(number)s existed before with the same content, and will not change.",
                "%(number)s existed before with the same content, and will not change.",
                existing,
            )
            said.append(text % _with(existing))
    if left_out := checked.left_out:
        text = ngettext(
            "%(number)s line without a run time will be left out.",
            "%(number)s lines without a run time will be left out.",
            left_out,
        )
        said.append(text % _with(left_out))
    return " ".join(said)


def done(new: int, existing: int) -> str:
    """Return sentences: what a submission has done."""
    said = ngettext("%(number)s job is in the queue.", "%(number)s jobs are in the queue.", new) % _with(new)
    if not existing:
        return said
    text = ngettext(
        "%(number)s existed before, and did not change.", "%(number)s existed before, and did not change.", existing
    )
    return f"{said} {text % _with(existing)}"
