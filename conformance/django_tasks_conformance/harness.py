"""What the tests of the suite share: the backend under test, and how its tasks are run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .compat import BaseTaskBackend, Task, TaskResult, TaskResultStatus, task_backends

if TYPE_CHECKING:
    from django.test import TestCase

    Tests = TestCase
else:
    Tests = object  # or a test runner would collect the suite itself


class Harness(Tests):
    """A backend under test. Mixed into django.test.TestCase, or TransactionTestCase where a backend needs commits."""

    runs = True
    """Whether the backend runs tasks at all."""

    def run_tasks(self) -> None:
        """Run all tasks that wait, in this process. By default nothing: enqueue() has run them."""

    @property
    def backend(self) -> BaseTaskBackend:
        """The backend with the alias `default`."""
        return task_backends["default"]

    def needs(self, flag: str) -> None:
        """Skip the test if the backend says that it does not support this."""
        if not getattr(self.backend, flag):
            self.skipTest(f"{flag} is False")

    def done(self, task: Task[..., Any], *args: Any, **kwargs: Any) -> TaskResult[Any]:
        """Enqueue a task, run it, and return its result."""
        result = task.enqueue(*args, **kwargs)
        return self.after_run(result)

    def value(self, result: TaskResult[Any]) -> Any:
        """Return what the task returned."""
        return result.return_value

    def after_run(self, result: TaskResult[Any]) -> TaskResult[Any]:
        """Run the tasks that wait, and return this result as it is then."""
        if not self.runs:
            self.skipTest("the backend runs no tasks")
        self.run_tasks()
        if self.backend.supports_get_result:
            result.refresh()
        return result

    def waits(self, result: TaskResult[Any]) -> None:
        """Skip the test if the task ran as it was enqueued."""
        if result.status != TaskResultStatus.READY:
            self.skipTest("enqueue() runs the task")
