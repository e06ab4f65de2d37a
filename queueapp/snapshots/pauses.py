"""Pauses by staff, and the sentence that tells an owner of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.utils.translation import gettext

from ..models import Pause


class Pauses:
    """All pauses at a moment. One query; there are few."""

    def __init__(self) -> None:
        found = list(Pause.objects.all())
        self._everything = next((p.reason for p in found if p.owner_id is None and not p.task), None)
        self._owners: Mapping[int, str] = {p.owner_id: p.reason for p in found if p.owner_id is not None}
        self._tasks: Mapping[str, str] = {p.task: p.reason for p in found if p.task}

    @property
    def everything(self) -> bool:
        """Whether everything is paused."""
        return self._everything is not None

    def stops(self, owner: int, task: str = "") -> bool:
        """Whether no job of this owner is started, or none of this task."""
        return self.everything or owner in self._owners or task in self._tasks

    def sentence(self, owner: int, tasks: Iterable[str]) -> str | None:
        """Return what of this owner is paused, and why; None: nothing. `tasks`: those of the waiting jobs.

        The sentence is in the language that is active.
        """
        if self._everything is not None:
            return gettext("Paused by staff: %(reason)s") % {"reason": self._everything}
        if owner in self._owners:
            return gettext("Your jobs are paused by staff: %(reason)s") % {"reason": self._owners[owner]}
        of_task = gettext("Jobs of the task %(task)s are paused by staff: %(reason)s")
        said = [of_task % {"task": task, "reason": self._tasks[task]} for task in sorted(set(tasks) & set(self._tasks))]
        return "; ".join(said) or None
