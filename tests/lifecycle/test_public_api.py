"""The names that a project imports from `queueapp`."""

from __future__ import annotations

import pytest
from django.db import transaction

import queueapp
from queueapp.errors import InvalidSubmission, JobConflict
from queueapp.models import Job, Owner, Waiting
from tests.kit.queue import make_user

pytestmark = pytest.mark.usefixtures("no_rules")


def test_jobs_are_submitted_together_and_once() -> None:
    ada = make_user("ada")
    jobs = [{"job_id": "a", "duration": 1}, {"job_id": "b", "duration": 2, "payload": {}}]
    accepted = queueapp.submit(ada, *jobs)
    assert (accepted.accepted, accepted.existing) == (2, 0)
    again = queueapp.submit(ada, *jobs)
    assert (again.accepted, again.existing) == (0, 2)
    with pytest.raises(JobConflict):
        queueapp.submit(ada, {"job_id": "a", "duration": 3})


def test_of_wrong_jobs_the_field_is_named_and_none_is_accepted() -> None:
    with pytest.raises(InvalidSubmission) as refused:
        queueapp.submit(make_user("ada"), {"job_id": "a", "duration": 1}, {"job_id": "b", "duration": 0})
    assert [(error.field, error.index) for error in refused.value.errors] == [("duration", 1)]
    assert not Waiting.objects.exists()


def test_within_a_transaction_jobs_come_with_its_commit_or_not_at_all() -> None:
    ada = make_user("ada")
    with transaction.atomic():
        queueapp.submit(ada, {"job_id": "a", "duration": 1})
        transaction.set_rollback(True)
    assert not Waiting.objects.exists()


def test_a_key_owns_jobs_as_a_user_does() -> None:
    queueapp.submit("team-blue", {"job_id": "a", "duration": 1})
    queueapp.submit("team-red", {"job_id": "a", "duration": 1})
    queueapp.submit("team-blue", {"job_id": "b", "duration": 1})
    assert [(job.owner.name, job.name) for job in Job.objects.order_by("pk")] == [
        ("team-blue", "a"), ("team-red", "a"), ("team-blue", "b"),
    ]  # fmt: skip


@pytest.mark.parametrize("field", ["user", "key"])
def test_whose_a_job_is_is_said_once(field: str) -> None:
    with pytest.raises(InvalidSubmission) as refused:
        queueapp.submit("team-blue", {"job_id": "a", "duration": 1, field: "ada"})
    assert [error.field for error in refused.value.errors] == [field]


@pytest.mark.parametrize("key", ["", "two words", "a,b", "team-*", "x" * 201, "nul\0"])
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="is not a key: use 1 to 200 letters"):
        queueapp.submit(key, {"job_id": "a", "duration": 1})
    assert not Owner.objects.exists()


def test_all_names_are_there() -> None:
    assert all(hasattr(queueapp, name) for name in queueapp.__all__)
