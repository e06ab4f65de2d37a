"""Sentences of the page: what was found in a text, and what came of it."""

from __future__ import annotations

from .check import Checked


def counted(number: int, noun: str) -> str:
    """Return a number and a noun: '1 job', '9,998 jobs'."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def title(checked: Checked) -> str:
    """Return what was found, in a few words."""
    if wrong := len(checked.wrong_lines):
        return f"{counted(wrong, 'line')} {'is' if wrong == 1 else 'are'} wrong"
    return f"{counted(len(checked.jobs), 'job')}, no line is wrong" if checked.jobs else "There is no job in it"


def summary(checked: Checked) -> str:
    """Return sentences: what would be submitted, and what not."""
    said = []
    if checked.wrong:
        said.append(f"The other lines have {counted(len(checked.jobs), 'job')}.")
        said.append("Nothing is submitted until every line is right.")
    elif checked.jobs:
        said.append(f"{checked.new:,} {'is' if checked.new == 1 else 'are'} new.")
        if checked.existing:
            said.append(f"{checked.existing:,} existed before with the same content, and will not change.")
    if checked.left_out:
        said.append(f"{counted(checked.left_out, 'line')} without a run time will be left out.")
    return " ".join(said)


def done(new: int, existing: int) -> str:
    """Return sentences: what a submission has done."""
    said = f"{counted(new, 'job')} {'is' if new == 1 else 'are'} in the queue."
    return f"{said} {existing:,} existed before, and did not change." if existing else said
