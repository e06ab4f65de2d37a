"""Migrations beside sessions that use the tables: they wait briefly, let others go on, and give up in a sentence."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.core.management import CommandError
from django.db import OperationalError, ProgrammingError, connection, transaction
from django.db.migrations import RunPython, RunSQL
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState
from django.db.models import Index

from queueapp.db import online
from queueapp.db.online import OnlineMigration
from queueapp.models import Job
from tests.kit.queue import await_a_waiter, in_thread, second_connection, waiting_sessions

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


class Indexing(OnlineMigration):
    atomic = False
    operations = [
        AddIndexConcurrently("job", Index(fields=["submitted_at", "name"], name="job_more")),
        AddIndexConcurrently("job", Index(fields=["submitted_at", "task"], name="job_most")),
    ]


class Dropping(OnlineMigration):
    atomic = False
    operations = [RemoveIndexConcurrently("job", "job_more")]


def index(way: Callable[..., Any], state: ProjectState) -> ProjectState:
    with connection.schema_editor(atomic=False) as editor:
        return cast(ProjectState, way(state, editor))


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
    repeatable = AddIndexConcurrently, RemoveIndexConcurrently
    parts = [part for found in ours if not found.atomic for part in found.operations]
    assert parts
    assert [part for part in parts if not isinstance(part, repeatable)] == []


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
        while waiting_sessions(theirs.cursor()):
            assert not migrating.done()
        theirs.rollback()  # in the pause after the first attempt
        assert migrating.result() == 1


@pytest.fixture
def no_index() -> Iterator[None]:
    """The indexes that a test made go at its end, also if it failed."""
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX IF EXISTS job_more, job_most")


def indexes() -> dict[str, bool]:
    """The indexes of these tests that are there, and whether each is valid."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexrelid::regclass::text, indisvalid FROM pg_index"
            " WHERE indexrelid IN (to_regclass('job_more'), to_regclass('job_most'))"
        )
        return dict(cursor.fetchall())


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("no_index")
class TestIndexes:
    def test_one_that_was_killed_is_run_again(self) -> None:
        """It waits for an open transaction when its session ends: PostgreSQL leaves an invalid index behind."""
        state = MigrationLoader(connection).project_state()

        def migrate() -> None:
            with pytest.raises(OperationalError):
                index(Indexing("0003_more", "queueapp").apply, state.clone())

        with second_connection() as theirs, ThreadPoolExecutor(1) as pool:
            theirs.execute("LOCK queueapp_job IN ROW EXCLUSIVE MODE")  # as one that writes
            migrating = pool.submit(in_thread, migrate)
            await_a_waiter(migrating.done)
            with connection.cursor() as cursor:
                [waiting] = waiting_sessions(cursor)
                cursor.execute("SELECT pg_terminate_backend(%s)", [waiting])
            migrating.result()
        assert indexes() == {"job_more": False}
        index(Indexing("0003_more", "queueapp").apply, state)
        assert indexes() == {"job_more": True, "job_most": True}

    def test_one_that_was_killed_between_two_indexes_is_run_again(self) -> None:
        state = MigrationLoader(connection).project_state()
        with connection.cursor() as cursor:
            cursor.execute("CREATE INDEX job_more ON queueapp_job (submitted_at, name)")
        index(Indexing("0003_more", "queueapp").apply, state)
        assert indexes() == {"job_more": True, "job_most": True}

    def test_a_lock_that_is_not_to_be_had_is_told_in_a_sentence(self) -> None:
        state = MigrationLoader(connection).project_state()

        def migrate() -> None:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '300ms'")
            index(Indexing("0003_more", "queueapp").apply, state.clone())

        with second_connection() as theirs, ThreadPoolExecutor(1) as pool:
            theirs.execute("LOCK queueapp_job IN ROW EXCLUSIVE MODE")  # as one that writes
            with pytest.raises(CommandError, match=f"in 3 attempts; .* session {theirs.info.backend_pid} "):
                pool.submit(in_thread, migrate).result()
        index(Indexing("0003_more", "queueapp").apply, state)
        assert indexes() == {"job_more": True, "job_most": True}

    def test_it_is_undone_after_a_kill(self) -> None:
        state = MigrationLoader(connection).project_state()
        with connection.cursor() as cursor:
            cursor.execute("CREATE INDEX job_more ON queueapp_job (submitted_at)")
        with_index = state.clone()
        with_index.add_index("queueapp", "job", Index(fields=["submitted_at", "name"], name="job_more"))
        index(Dropping("0003_more", "queueapp").unapply, with_index)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_get_indexdef('job_more'::regclass)")
            assert str(cursor.fetchone()[0]).endswith("(submitted_at, name)")

    def test_an_index_of_another_table_is_not_touched(self) -> None:
        """A project may have one of the same name."""
        with connection.cursor() as cursor:
            cursor.execute("CREATE INDEX job_more ON queueapp_owner (id)")
        with pytest.raises(ProgrammingError, match="already exists"):
            index(Indexing("0003_more", "queueapp").apply, MigrationLoader(connection).project_state())
        assert indexes() == {"job_more": True}
