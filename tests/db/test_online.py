"""Migrations beside sessions that use the tables: they wait briefly, let others go on, and give up in a sentence."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.management import CommandError
from django.db import connection, transaction
from django.db.migrations import RunPython, RunSQL
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from queueapp.db import online
from queueapp.db.online import OnlineMigration
from queueapp.models import Job
from tests.kit.queue import await_a_waiter, in_thread, second_connection

ADD = "ALTER TABLE queueapp_job ADD COLUMN more integer"
DROP = "ALTER TABLE queueapp_job DROP COLUMN more"


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(online, "LOCK_SECONDS", 0.4)
    monkeypatch.setattr(online, "PAUSE_SECONDS", 0.3)
    monkeypatch.setattr(online, "ATTEMPTS", 3)


class Adding(OnlineMigration):
    operations = [RunSQL(ADD, DROP)]


class AddingLate(OnlineMigration):
    operations = [RunPython(lambda _, editor: editor.deferred_sql.append(ADD), RunPython.noop)]


def run(way: Callable[..., Any]) -> None:
    with connection.schema_editor(atomic=True) as editor:
        way(ProjectState(), editor)


def columns() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_attribute WHERE attrelid = 'queueapp_job'::regclass AND attname = 'more'"
        )
        return int(cursor.fetchone()[0])


def test_every_migration_of_the_queue_is_one() -> None:
    migrations = MigrationLoader(None).disk_migrations.values()
    ours = [found for found in migrations if type(found).__module__.startswith("queueapp.")]
    assert len(ours) >= 3
    assert [found for found in ours if not isinstance(found, OnlineMigration)] == []


@pytest.mark.django_db(transaction=True)
def test_a_held_lock_is_given_up_in_a_sentence_and_nobody_waits_for_long_meanwhile() -> None:
    def look() -> float:
        began = time.monotonic()
        Job.objects.exists()
        return time.monotonic() - began

    with second_connection() as theirs, ThreadPoolExecutor(1) as pool:
        theirs.execute("SELECT FROM queueapp_job")
        migration = pool.submit(in_thread, lambda: run(Adding("0003_more", "queueapp").apply))
        waits = [look()]
        while not migration.done():
            waits.append(look())
        with pytest.raises(CommandError) as refused:
            migration.result()
        assert f"session {theirs.info.backend_pid} (" in str(refused.value)
    assert str(refused.value).startswith(
        "queueapp.0003_more did not get its locks in 3 attempts of 0.4 s and has changed"
    )
    assert 0.2 < max(waits) < 2.0, "who looks waits for one attempt, not for all"
    assert columns() == 0


@pytest.mark.django_db(transaction=True)
def test_the_session_has_its_own_bound_afterwards() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        before = cursor.fetchone()
        run(Adding("0003_more", "queueapp").apply)
        assert columns() == 1
        run(Adding("0003_more", "queueapp").unapply)
        assert columns() == 0
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == before


@pytest.mark.django_db
@pytest.mark.parametrize("migration", [Adding, AddingLate])
def test_a_lock_that_is_released_meanwhile_is_taken(migration: type[OnlineMigration]) -> None:
    def migrate() -> int:
        with transaction.atomic():
            run(migration("0003_more", "queueapp").apply)
            found = columns()
            transaction.set_rollback(True)
            return found

    with second_connection() as theirs, ThreadPoolExecutor(1) as pool:
        theirs.execute("SELECT FROM queueapp_job")
        migrating = pool.submit(in_thread, migrate)
        await_a_waiter(migrating.done)
        while theirs.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone() != (0,):
            assert not migrating.done()
        theirs.rollback()  # in the pause after the first attempt
        assert migrating.result() == 1
