"""What staff have paused, in a plain sentence for each user whom it concerns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..models import Pause


class Pauses:
    """All pauses at a moment. One query; there are few."""

    def __init__(self) -> None:
        found = list(Pause.objects.all())
        self._everything = next((p.reason for p in found if p.user_id is None and not p.task), None)
        self._users: Mapping[int, str] = {p.user_id: p.reason for p in found if p.user_id is not None}
        self._tasks: Mapping[str, str] = {p.task: p.reason for p in found if p.task}

    @property
    def everything(self) -> bool:
        """Whether nothing is started at all."""
        return self._everything is not None

    def stops(self, user: int, task: str = "") -> bool:
        """Whether nothing of this user's is started, or, of a task, nothing of that."""
        return self.everything or user in self._users or task in self._tasks

    def sentence(self, user: int, tasks: Iterable[str]) -> str | None:
        """What of this user's is paused, and why; `tasks`: of the jobs that wait. None: nothing."""
        if self._everything is not None:
            return f"Paused by staff: {self._everything}"
        if user in self._users:
            return f"Your jobs are paused by staff: {self._users[user]}"
        said = [
            f"Jobs of the task {task} are paused by staff: {self._tasks[task]}"
            for task in sorted(set(tasks) & set(self._tasks))
        ]
        return "; ".join(said) or None
