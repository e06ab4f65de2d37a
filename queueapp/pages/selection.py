"""What is done with many jobs of the page at once: with those that are ticked, or with all that match its search."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..errors import FieldError, InvalidFilter
from ..lifecycle.job_filter import CancelFilter, JobSearch, MoveFilter, RetryFilter, parse_filter
from ..lifecycle.matching import cancel_matching, move_matching, try_again_matching
from ..models import Job, Owner
from ..snapshots import count_jobs
from ..snapshots.history import MAX_COUNTED
from ..snapshots.search import search
from ..states import FINISHED, RETRYABLE, Status

MAX_NAMES = 10_000
"""Jobs that are found one by one, at most: as many names as a filter takes."""
FITTING: dict[str, tuple[Status, ...]] = {
    "cancel": (Status.QUEUED, Status.RUNNING),
    "retry": RETRYABLE,
    "front": (Status.QUEUED,),
    "back": (Status.QUEUED,),
}
"""The actions, and the states of the jobs that each is for."""
_OF_FILTERS = tuple(JobSearch.model_fields)


class Came(NamedTuple):
    """What came of the jobs. `unchanged`: the action was not for them. `more`: some were not reached."""

    changed: int
    stopping: int = 0
    unchanged: int = 0
    more: bool = False


def fitting(action: str, asked: Mapping[str, Any]) -> list[Status]:
    """Return the states of the jobs that the action is for and that a search (fields of ListFilter) can find."""
    possible = {Status(asked["status"])} if "status" in asked else set(Status)
    if "error" in asked:
        possible &= {Status.FAILED}
    if "after" in asked:
        possible &= set(FINISHED)
    return [status for status in FITTING[action] if status in possible]


def count_fitting(owner: Owner, action: str, asked: Mapping[str, Any]) -> tuple[int, bool]:
    """Return how many jobs of the search the action is for, and whether there may be more: counting is bounded."""
    states = fitting(action, asked)
    if not asked.keys() - {"status", "sort"}:
        counted: dict[str, Any] = {**count_jobs(owner.pk)}
        numbers = [counted[status] for status in states]
        return sum(min(number, MAX_COUNTED) for number in numbers), any(number > MAX_COUNTED for number in numbers)
    found = [
        search(owner.pk, {**asked, "status": status}, beyond=None, descending=False, size=MAX_NAMES)
        for status in states
    ]
    return sum(len(one.jobs) for one in found), any(one.end is not None for one in found)


def act_on_names(owner: Owner, action: str, names: list[str]) -> Came:
    """Cancel, retry or move the owner's jobs with these names. Raises as act_on_search()."""
    return _act(owner, action, {"job_ids": names})


def act_on_search(owner: Owner, action: str, asked: Mapping[str, Any]) -> Came:
    """Cancel, retry or move all jobs of a search (fields of ListFilter) that the action is for.

    Raises InvalidFilter if too many would move, NotMovable, and BacklogFull. Locks: as lifecycle/matching.py.
    """
    if not fitting(action, asked):
        return Came(0)
    if asked.keys() & {"error", "after"}:  # filters of actions have no such fields
        return _act_on_found(owner, action, asked)
    fields = {name: asked[name] for name in _OF_FILTERS if name in asked}
    if "status" in asked and action in ("cancel", "retry"):
        fields["status"] = asked["status"]
    return _act(owner, action, fields or {"all": True})


def _act_on_found(owner: Owner, action: str, asked: Mapping[str, Any]) -> Came:
    found = search(owner.pk, asked, beyond=None, descending=False, size=MAX_NAMES)
    names = list(Job.objects.filter(pk__in=found.jobs).values_list("name", flat=True))
    if not names:
        return Came(0, more=found.end is not None)
    came = act_on_names(owner, action, names)
    return came._replace(more=came.more or found.end is not None)


def _act(owner: Owner, action: str, fields: dict[str, Any]) -> Came:
    if action == "cancel":
        cancelled = cancel_matching(owner, parse_filter(CancelFilter, fields))
        return Came(cancelled.cancelled, cancelled.stopping, cancelled.unchanged, cancelled.more)
    if action == "retry":
        retried = try_again_matching(owner, parse_filter(RetryFilter, fields))
        return Came(retried.retried, 0, retried.unchanged, retried.more)
    if action in ("front", "back"):
        moved = move_matching(owner, parse_filter(MoveFilter, {**fields, "to": action}))
        return Came(moved.moved, 0, moved.unchanged)
    raise InvalidFilter([FieldError("do", "there is no such action")])
