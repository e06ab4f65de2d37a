"""Promises about finding results."""

from __future__ import annotations

import datetime
from typing import Any

from asgiref.sync import async_to_sync

from . import tasks
from .compat import TaskResult, TaskResultDoesNotExist, TaskResultMismatch, TaskResultStatus
from .harness import Harness

NO_IDS = ["", "no-such-id", "0", "-1", "00000000-0000-4000-8000-000000000000", "x" * 5000, "a\x00b", "\ud800", "é"]


class ResultTests(Harness):
    """Promises about finding results. Skipped where supports_get_result is False."""

    def setUp(self) -> None:
        super().setUp()
        if self._testMethodName in vars(ResultTests):
            self.needs("supports_get_result")

    def assert_same(self, found: TaskResult[Any], result: TaskResult[Any]) -> None:
        """Check that both are the same result, as it is now."""
        self.assertEqual((found.id, found.args, found.kwargs), (result.id, result.args, result.kwargs))
        self.assertEqual((found.enqueued_at, found.backend), (result.enqueued_at, result.backend))
        self.assertEqual(found.task.func, result.task.func)

    def test_a_result_is_found_by_its_id(self) -> None:
        result = tasks.echo.enqueue(1, two=2)
        self.assert_same(self.backend.get_result(result.id), result)
        self.assert_same(tasks.echo.get_result(result.id), result)

    def test_a_result_is_found_by_async_code(self) -> None:
        result = tasks.echo.enqueue(1)
        self.assert_same(async_to_sync(self.backend.aget_result)(result.id), result)
        self.assert_same(async_to_sync(tasks.echo.aget_result)(result.id), result)

    def test_a_found_result_has_what_came_of_the_task(self) -> None:
        done = self.done(tasks.echo, 1)
        found = tasks.echo.get_result(done.id)
        self.assertEqual((found.status, found.return_value), (TaskResultStatus.SUCCESSFUL, done.return_value))
        self.assertEqual((found.finished_at, found.worker_ids), (done.finished_at, done.worker_ids))

    def test_a_task_that_runs_is_found_as_running(self) -> None:
        self.assertEqual(self.value(self.done(tasks.reads_itself)), ["RUNNING", 1, True, None])

    def test_an_id_that_is_none_raises(self) -> None:
        for no_id in NO_IDS:
            with self.subTest(no_id=no_id[:20]), self.assertRaises(TaskResultDoesNotExist):
                self.backend.get_result(no_id)

    def test_an_id_that_is_none_raises_in_async_code(self) -> None:
        with self.assertRaises(TaskResultDoesNotExist):
            async_to_sync(self.backend.aget_result)("no-such-id")

    def test_the_result_of_another_task_is_refused(self) -> None:
        result = tasks.echo.enqueue()
        with self.assertRaises(TaskResultMismatch):
            tasks.other.get_result(result.id)
        with self.assertRaises(TaskResultMismatch):
            async_to_sync(tasks.other.aget_result)(result.id)

    def test_refresh_reads_the_result_again(self) -> None:
        result = tasks.echo.enqueue(1)
        self.waits(result)
        self.after_run(tasks.other.enqueue())
        result.refresh()
        self.assertEqual((result.status, result.attempts), (TaskResultStatus.SUCCESSFUL, 1))

    def test_refresh_reads_the_result_again_in_async_code(self) -> None:
        result = tasks.echo.enqueue(1)
        self.waits(result)
        self.after_run(tasks.other.enqueue())
        async_to_sync(result.arefresh)()
        self.assertEqual(self.value(result)["args"], [1])

    def test_a_change_of_a_result_object_is_not_stored(self) -> None:
        result = tasks.echo.enqueue(["kept"])
        result.args[0].append("not kept")
        self.assertEqual(self.backend.get_result(result.id).args, [["kept"]])

    def test_a_found_result_has_the_terms_of_its_task(self) -> None:
        asked = tasks.echo
        if "conformance" in self.backend.queues:
            asked = asked.using(queue_name="conformance")
        if self.backend.supports_priority:
            asked = asked.using(priority=3)
        found = self.backend.get_result(asked.enqueue().id).task
        self.assertEqual((found.queue_name, found.priority), (asked.queue_name, asked.priority))
        self.assertEqual((found.backend, found.takes_context), (asked.backend, asked.takes_context))

    def test_a_found_result_of_a_task_for_later_has_its_moment(self) -> None:
        self.needs("supports_defer")
        moment = datetime.datetime(2100, 1, 2, 3, 4, 5, 678901, tzinfo=datetime.UTC)
        result = tasks.echo.using(run_after=moment).enqueue()
        self.assertEqual(self.backend.get_result(result.id).task.run_after, moment)
