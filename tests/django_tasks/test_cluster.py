"""Django's tasks on a real cluster: enqueued by one process, run by another, read by a third."""

from __future__ import annotations

import json

import pytest

from tests.kit.site import Site

ENQUEUE = """
import json
from tests.django_tasks import tasks
asked = [tasks.add.enqueue(2, right=3), tasks.add_later.enqueue(4, 5), tasks.spills.enqueue(1),
         tasks.add.enqueue("two", 3), tasks.ends_its_process.enqueue(), tasks.of_another_backend.using(
         backend="default").enqueue("word")]
print(json.dumps([result.id for result in asked]))
"""
READ = """
import json
from django_tasks import default_task_backend
found = [default_task_backend.get_result(one) for one in {ids}]
print(json.dumps([
    [str(one.status), one._return_value, one.attempts, [error.exception_class_path for error in one.errors]]
    for one in found
]))
"""


@pytest.mark.django_db
def test_tasks_run_on_a_cluster_and_any_process_reads_what_came_of_them(site: Site) -> None:
    ids = json.loads(site.manage("shell", "--verbosity", "0", "-c", ENQUEUE))
    site.wait_for("SELECT count(*) = %s FROM queueapp_outcome o JOIN queueapp_job j ON j.id = job_id"
                  " WHERE j.task LIKE 'tests.django_tasks.%%'", len(ids))  # fmt: skip
    assert json.loads(site.manage("shell", "--verbosity", "0", "-c", READ.format(ids=ids))) == [
        ["SUCCESSFUL", 5, 1, []],
        ["SUCCESSFUL", 9, 1, []],
        ["SUCCESSFUL", "attempt 2", 2, ["tests.django_tasks.tasks.Spilled"]],
        ["FAILED", None, 1, ["builtins.TypeError"]],
        ["FAILED", None, 1, ["queueapp.errors.JobFailed"]],
        ["SUCCESSFUL", "WORD", 1, []],
    ]
