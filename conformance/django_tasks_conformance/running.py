"""Promises about what runs, and what is recorded of it."""

from __future__ import annotations

import datetime
from typing import Any

from asgiref.sync import async_to_sync
from django.utils import timezone

from . import tasks
from .compat import TaskResult, TaskResultStatus
from .harness import Harness

VALUES: list[Any] = [None, True, 0, -1.5, "", "é漢😀", 'a "quoted" \\ word', [], {}, {"a": [1, {"b": None}]}, 2**53]


class RunTests(Harness):
    """Promises about what runs, and what is recorded of it."""

    def assert_failed(self, result: TaskResult[Any], error: str) -> None:
        """Check that the task failed, once, with this exception."""
        self.assertEqual(result.status, TaskResultStatus.FAILED)
        self.assertTrue(result.is_finished)
        self.assertEqual([one.exception_class_path for one in result.errors], [error])

    def test_a_task_that_returns_is_successful(self) -> None:
        result = self.done(tasks.echo, 1, "two", three=[3])
        self.assertEqual(result.status, TaskResultStatus.SUCCESSFUL)
        self.assertEqual(result.return_value, {"args": [1, "two"], "kwargs": {"three": [3]}})
        self.assertTrue(result.is_finished)
        self.assertEqual(result.errors, [])

    def test_the_moments_of_a_run_are_in_order(self) -> None:
        result = self.done(tasks.echo)
        moments = [result.enqueued_at, result.started_at, result.last_attempted_at, result.finished_at]
        self.assertTrue(all(moment is not None and timezone.is_aware(moment) for moment in moments), moments)
        self.assertEqual(moments, sorted(moments))

    def test_one_run_is_one_attempt_by_one_worker(self) -> None:
        result = self.done(tasks.echo)
        self.assertEqual(result.attempts, 1)
        self.assertEqual(len(result.worker_ids), 1)
        self.assertTrue(result.worker_ids[0])

    def test_arguments_and_return_values_come_back_as_they_were(self) -> None:
        for value in VALUES:
            with self.subTest(value=value):
                self.assertEqual(
                    self.done(tasks.echo, value, named=value).return_value,
                    {"args": [value], "kwargs": {"named": value}},
                )

    def test_a_tuple_that_is_returned_becomes_a_list(self) -> None:
        self.assertEqual(self.done(tasks.returns_a_tuple).return_value, [1, ["two", None], {"three": [3.5, True]}])

    def test_a_task_that_returns_nothing_has_none_as_its_value(self) -> None:
        result = self.done(tasks.other)
        self.assertEqual(result.status, TaskResultStatus.SUCCESSFUL)
        self.assertIsNone(result.return_value)

    def test_an_exception_fails_the_task_and_is_recorded(self) -> None:
        result = self.done(tasks.fail, "tray 2")
        self.assert_failed(result, "django_tasks_conformance.tasks.OutOfPaper")
        self.assertIs(result.errors[0].exception_class, tasks.OutOfPaper)
        self.assertIn("tray 2", result.errors[0].traceback)
        self.assertIn("in fail\n", result.errors[0].traceback)
        self.assertEqual(result.attempts, 1)
        self.assertIsNotNone(result.finished_at)

    def test_the_return_value_of_a_failed_task_raises(self) -> None:
        result = self.done(tasks.fail, "tray 2")
        with self.assertRaises(ValueError):
            result.return_value  # noqa: B018 (it raises)

    def test_the_traceback_has_the_cause(self) -> None:
        result = self.done(tasks.fail_with_cause)
        self.assert_failed(result, "django_tasks_conformance.tasks.OutOfPaper")
        self.assertIn("KeyError: 'ink'", result.errors[0].traceback)

    def test_the_class_of_an_error_is_recorded_wherever_it_is_defined(self) -> None:
        here = tasks.__name__
        for kind, path in (
            ("nested", f"{here}.Tray.Empty"),
            ("local", f"{here}.fail_as.<locals>.Local"),
            ("unspeakable", f"{here}.Unspeakable"),
            ("lines", f"{here}.OutOfPaper"),
            ("group", "builtins.ExceptionGroup"),
            ("no words", "builtins.ValueError"),
        ):
            with self.subTest(kind=kind):
                self.assert_failed(self.done(tasks.fail_as, kind), path)

    def test_a_task_may_enqueue_another(self) -> None:
        result = self.done(tasks.enqueues, "inner")
        self.assertEqual(result.status, TaskResultStatus.SUCCESSFUL)
        if self.backend.supports_get_result:
            inner = self.after_run(self.backend.get_result(self.value(result)))
            self.assertEqual(self.value(inner)["args"], ["inner"])

    def test_wrong_arguments_fail_the_task(self) -> None:
        result = self.done(tasks.fail, 1, 2, 3)
        self.assert_failed(result, "builtins.TypeError")
        self.assertIs(result.errors[0].exception_class, TypeError)

    def test_a_value_that_json_cannot_hold_fails_the_task(self) -> None:
        self.assert_failed(self.done(tasks.returns_no_json), "builtins.TypeError")

    def test_a_task_that_exits_fails_and_the_next_one_runs(self) -> None:
        left, after = tasks.leave.enqueue(), tasks.echo.enqueue("after")
        self.assert_failed(self.after_run(left), "builtins.SystemExit")
        self.assertEqual(self.value(self.after_run(after))["args"], ["after"])

    def test_a_task_gets_its_context(self) -> None:
        result = self.done(tasks.tells_context, word="three")
        told = self.value(result)
        self.assertEqual((told["id"], told["attempt"], told["word"]), (result.id, 1, "three"))
        self.assertEqual(told["status"], "RUNNING")
        self.assertEqual((told["args"], told["kwargs"]), ([], {"word": "three"}))
        self.assertEqual(told["path"], tasks.tells_context.module_path)

    def test_a_coroutine_runs(self) -> None:
        self.needs("supports_async_task")
        self.assertEqual(self.done(tasks.echo_later, {"a": 1}).return_value, {"a": 1})

    def test_a_coroutine_that_raises_fails(self) -> None:
        self.needs("supports_async_task")
        self.assert_failed(self.done(tasks.fail_later), "django_tasks_conformance.tasks.OutOfPaper")

    def test_a_coroutine_gets_its_context(self) -> None:
        self.needs("supports_async_task")
        result = self.done(tasks.tells_context_later)
        self.assertEqual(result.return_value, result.id)

    def test_a_task_enqueued_by_async_code_runs(self) -> None:
        result = self.after_run(async_to_sync(tasks.echo.aenqueue)("async"))
        self.assertEqual(self.value(result)["args"], ["async"])

    def test_a_task_for_later_waits(self) -> None:
        self.needs("supports_defer")
        later = tasks.echo.using(run_after=timezone.now() + datetime.timedelta(hours=1))
        result = self.after_run(later.enqueue())
        self.assertEqual((result.status, result.attempts), (TaskResultStatus.READY, 0))

    def test_a_task_whose_moment_has_come_runs(self) -> None:
        self.needs("supports_defer")
        result = self.done(tasks.echo.using(run_after=timezone.now() - datetime.timedelta(seconds=1)), "now")
        self.assertEqual(result.status, TaskResultStatus.SUCCESSFUL)

    def test_every_task_of_many_runs_once(self) -> None:
        results = [tasks.echo.enqueue(number) for number in range(20)]
        for number, result in enumerate(results):
            done = self.after_run(result)
            self.assertEqual((self.value(done)["args"], done.attempts), ([number], 1))

    def test_a_higher_priority_runs_first(self) -> None:
        self.needs("supports_priority")
        low, high = tasks.echo.using(priority=-5).enqueue(), tasks.echo.using(priority=5).enqueue()
        self.waits(low)
        first, second = self.after_run(high), self.after_run(low)
        assert first.started_at is not None
        assert second.started_at is not None
        self.assertLess(first.started_at, second.started_at)
