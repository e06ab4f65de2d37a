"""Promises about signals."""

from __future__ import annotations

from typing import Any

from . import tasks
from .compat import TaskResultStatus, task_enqueued, task_finished, task_started
from .harness import Harness


class SignalTests(Harness):
    """Promises about signals. The tasks must run in the process of the test."""

    def setUp(self) -> None:
        super().setUp()
        self.sent: list[tuple[str, Any, str, str]] = []
        for name, signal in (("enqueued", task_enqueued), ("started", task_started), ("finished", task_finished)):

            def receive(sender: Any, task_result: Any, name: str = name, **_: Any) -> None:
                self.sent.append((name, sender, task_result.id, task_result.status))

            signal.connect(receive, weak=False)
            self.addCleanup(signal.disconnect, receive)

    def test_an_enqueued_task_is_told_once(self) -> None:
        result = tasks.echo.enqueue()
        self.assertEqual([told for name, _, told, _ in self.sent if name == "enqueued"], [result.id])

    def test_a_run_is_told_in_order(self) -> None:
        result = self.done(tasks.echo)
        self.assertEqual([name for name, *_ in self.sent], ["enqueued", "started", "finished"])
        self.assertEqual({told for _, _, told, _ in self.sent}, {result.id})

    def test_the_sender_of_each_signal_is_the_class_of_the_backend(self) -> None:
        self.done(tasks.echo)
        for name, sender, _, _ in self.sent:
            if sender is not type(self.backend):
                self.fail(f"the sender of task_{name} is an object of {type(sender).__name__}, not the backend's class")

    def test_the_result_of_a_signal_says_how_far_the_task_is(self) -> None:
        self.done(tasks.echo)
        told = {name: status for name, _, _, status in self.sent}
        self.assertEqual(told["started"], TaskResultStatus.RUNNING)
        self.assertEqual(told["finished"], TaskResultStatus.SUCCESSFUL)

    def test_a_signal_of_a_run_has_its_moments_and_its_worker(self) -> None:
        told: list[Any] = []

        def receive(sender: Any, task_result: Any, **_: Any) -> None:
            told.append([task_result.attempts, task_result.started_at is None, task_result.finished_at is None])

        for signal in (task_started, task_finished):
            signal.connect(receive, weak=False)
            self.addCleanup(signal.disconnect, receive)
        self.done(tasks.echo)
        self.assertEqual(told, [[1, False, True], [1, False, False]])

    def test_a_failure_is_told_as_finished(self) -> None:
        self.done(tasks.fail, "tray 2")
        self.assertEqual([(name, status) for name, _, _, status in self.sent][-1], ("finished", "FAILED"))

    def test_a_refused_task_is_not_told(self) -> None:
        with self.assertRaises((TypeError, ValueError)):
            tasks.echo.enqueue(object())
        self.assertEqual(self.sent, [])

    def test_the_result_of_a_failure_has_the_error(self) -> None:
        errors: list[Any] = []

        def receive(sender: Any, task_result: Any, **_: Any) -> None:
            errors.extend(task_result.errors)

        task_finished.connect(receive, weak=False)
        self.addCleanup(task_finished.disconnect, receive)
        self.done(tasks.fail, "tray 2")
        self.assertEqual(len(errors), 1)
        self.assertIs(errors[0].exception_class, tasks.OutOfPaper)
