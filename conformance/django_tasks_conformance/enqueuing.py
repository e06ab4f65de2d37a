"""Promises about tasks and enqueue()."""

from __future__ import annotations

import datetime
from typing import Any

from asgiref.sync import async_to_sync
from django.utils import timezone

from . import tasks
from .compat import InvalidTask, Task, TaskResultStatus, task
from .harness import Harness


async def _coroutine() -> None:
    pass


def _plain() -> None:
    pass


def _takes_context_second(word: str, context: Any) -> None:
    pass


class EnqueueTests(Harness):
    """Promises about tasks and enqueue()."""

    def test_a_decorated_function_is_a_task_of_the_backends_class(self) -> None:
        self.assertIsInstance(tasks.echo, Task)
        self.assertIsInstance(tasks.echo, self.backend.task_class)
        self.assertEqual(tasks.echo.module_path, "django_tasks_conformance.tasks.echo")

    def test_a_task_can_be_called_without_the_backend(self) -> None:
        self.assertEqual(tasks.echo.call(1, two=2), {"args": [1], "kwargs": {"two": 2}})
        self.assertEqual(async_to_sync(tasks.echo.acall)(1), {"args": [1], "kwargs": {}})

    def test_a_new_result_has_task_arguments_and_moment(self) -> None:
        before = timezone.now()
        result = tasks.echo.enqueue(1, "two", three=[3])
        self.assertEqual(result.task.func, tasks.echo.func)
        self.assertEqual((result.args, result.kwargs), ([1, "two"], {"three": [3]}))
        self.assertEqual(result.backend, "default")
        assert result.enqueued_at is not None
        self.assertTrue(timezone.is_aware(result.enqueued_at))
        self.assertLess(abs(result.enqueued_at - before), datetime.timedelta(minutes=1))

    def test_a_new_result_is_ready_and_has_no_attempt(self) -> None:
        result = tasks.echo.enqueue()
        self.waits(result)
        self.assertEqual((result.attempts, result.worker_ids, result.errors), (0, [], []))
        self.assertEqual((result.started_at, result.last_attempted_at, result.finished_at), (None, None, None))
        self.assertFalse(result.is_finished)

    def test_the_return_value_of_a_task_that_has_not_run_raises(self) -> None:
        result = tasks.echo.enqueue()
        self.waits(result)
        with self.assertRaises(ValueError):
            result.return_value  # noqa: B018 (it raises)

    def test_ids_are_text_of_less_than_64_characters_and_differ(self) -> None:
        ids = [tasks.echo.enqueue().id for _ in range(20)]
        self.assertEqual(len(set(ids)), 20)
        for one in ids:
            self.assertIsInstance(one, str)
            self.assertLess(len(one), 64)

    def test_aenqueue_does_what_enqueue_does(self) -> None:
        result = async_to_sync(tasks.echo.aenqueue)(1, two=2)
        self.assertEqual((result.args, result.kwargs), ([1], {"two": 2}))

    def test_tuples_become_lists(self) -> None:
        result = tasks.echo.enqueue((1, (2,)), three=(3,))
        self.assertEqual((result.args, result.kwargs), ([[1, [2]]], {"three": [3]}))

    def test_arguments_that_json_cannot_hold_are_refused(self) -> None:
        for bad in (object(), datetime.datetime.now(tz=datetime.UTC), {1, 2}, b"\xff"):
            with self.subTest(bad=bad), self.assertRaises((TypeError, ValueError)):
                tasks.echo.enqueue(bad)
            with self.subTest(bad=bad), self.assertRaises((TypeError, ValueError)):
                tasks.echo.enqueue(named=[bad])

    def test_using_returns_another_task_and_leaves_the_first(self) -> None:
        later = timezone.now() + datetime.timedelta(days=1)
        if self.backend.supports_defer:
            self.assertEqual(tasks.echo.using(run_after=later).run_after, later)
        self.assertIsNone(tasks.echo.run_after)
        self.assertEqual(tasks.echo.using().func, tasks.echo.func)

    def test_a_queue_that_is_not_in_the_settings_is_refused(self) -> None:
        if not self.backend.queues:
            self.skipTest("the backend takes any queue")
        with self.assertRaises(InvalidTask):
            tasks.echo.using(queue_name="no-such-queue")

    def test_a_queue_of_the_settings_is_the_results(self) -> None:
        if "conformance" not in self.backend.queues:
            self.skipTest("QUEUES has no 'conformance'")
        self.assertEqual(tasks.echo.using(queue_name="conformance").enqueue().task.queue_name, "conformance")

    def test_a_priority_out_of_bounds_is_refused(self) -> None:
        for priority in (-101, 101, 1.5):
            with self.subTest(priority=priority), self.assertRaises(InvalidTask):
                tasks.echo.using(priority=priority)  # type: ignore[arg-type]

    def test_a_priority_is_taken_or_refused_as_supports_priority_says(self) -> None:
        if self.backend.supports_priority:
            self.assertEqual(tasks.echo.using(priority=7).enqueue().task.priority, 7)
        else:
            with self.assertRaises(InvalidTask):
                tasks.echo.using(priority=7)

    def test_run_after_is_taken_or_refused_as_supports_defer_says(self) -> None:
        later = timezone.now() + datetime.timedelta(days=1)
        if self.backend.supports_defer:
            self.assertEqual(tasks.echo.using(run_after=later).enqueue().task.run_after, later)
        else:
            with self.assertRaises(InvalidTask):
                tasks.echo.using(run_after=later)

    def test_a_run_after_without_time_zone_is_refused(self) -> None:
        with self.assertRaises(InvalidTask):
            tasks.echo.using(run_after=datetime.datetime(2100, 1, 1))

    def test_a_coroutine_is_taken_or_refused_as_supports_async_task_says(self) -> None:
        if self.backend.supports_async_task:
            self.assertIsInstance(task(_coroutine), Task)
        else:
            with self.assertRaises(InvalidTask):
                task(_coroutine)

    def test_a_function_inside_another_is_refused(self) -> None:
        def inner() -> None:
            pass

        for function in (inner, lambda: None, len, self.run_tasks):
            with self.subTest(function=function), self.assertRaises(InvalidTask):
                task(function)

    def test_a_context_must_be_the_first_argument(self) -> None:
        functions: list[Any] = [_plain, _takes_context_second]
        for function in functions:
            with self.subTest(function=function), self.assertRaises(InvalidTask):
                task(takes_context=True)(function)

    def test_check_finds_nothing_wrong_with_the_settings_of_this_run(self) -> None:
        self.assertEqual(list(self.backend.check()), [])

    def test_what_the_caller_does_to_arguments_later_changes_nothing(self) -> None:
        words = ["first"]
        result = tasks.echo.enqueue(words)
        words.append("second")
        self.assertEqual(result.args, [["first"]])
        result = self.after_run(result)
        self.assertEqual(result.status, TaskResultStatus.SUCCESSFUL)
        self.assertEqual(self.value(result)["args"], [["first"]])
