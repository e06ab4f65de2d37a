"""SQL functions of two versions, side by side in one database."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection, transaction
from django.test import Client
from rest_framework.test import APIClient

from jobsite import health
from queueapp.db import install, routines
from queueapp.db.routines import names_in, sql_files, version_of, versioned
from queueapp.lifecycle.submit import submit
from queueapp.lifecycle.validation import parse
from queueapp.models import Job
from tests.kit.queue import await_a_waiter, in_thread, make_owner, make_user

OURS = routines.VERSION


@pytest.fixture
def versions(db: None, monkeypatch: pytest.MonkeyPatch) -> Versions:
    return Versions(monkeypatch)


class Versions:
    """Versions of this code, which differ in nothing but their name."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def migrate(self, *versions: str) -> None:
        """Install these versions, one after the other."""
        for version in versions:
            self._monkeypatch.setattr(routines, "VERSION", version)
            install.install(apps.get_app_config("queueapp"))

    @property
    def installed(self) -> set[str]:
        """The versions of which every function is there."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT right(proname, 8), count(*) FROM pg_proc WHERE proname ~ '_[0-9a-f]{8}$' GROUP BY 1")
            return {version for version, many in cursor.fetchall() if many == len(names_in(sql_files()))}


A, B, C = "aaaaaaaa", "bbbbbbbb", "cccccccc"


def test_names_of_functions_have_the_version_and_no_others() -> None:
    text = "SELECT queueapp_submit(%s::queueapp_job_outcome[]) FROM queueapp_job, queueapp_move(100) -- 100 %"
    assert versioned(text) == (
        f"SELECT queueapp_submit_{OURS}(%s::queueapp_job_outcome[])"
        f" FROM queueapp_job, queueapp_move_{OURS}(100) -- 100 %"
    )
    assert versioned(versioned(text)) == versioned(text)


def test_no_function_is_named_like_a_table() -> None:
    assert not {model._meta.db_table for model in apps.get_models()} & set(names_in(sql_files()))


def test_every_function_of_the_files_has_a_version() -> None:
    defined = sum(text.count("CREATE OR REPLACE FUNCTION") for text in sql_files().values())
    assert defined == len(names_in(sql_files())) == len(set(names_in(sql_files())))


def test_the_version_changes_with_a_file_and_with_a_migration() -> None:
    files = {"a.sql": "one", "b.sql": "two"}
    found = {
        version_of(files, ["0001_initial"]),
        version_of(files | {"b.sql": "three"}, ["0001_initial"]),
        version_of(files, ["0001_initial", "0002_more"]),
    }
    assert len(found) == 3
    assert all(len(version) == 8 for version in found)


def test_a_name_that_postgresql_would_cut_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routines, "VERSION", "a" * 40)
    with pytest.raises(ImproperlyConfigured, match="has 66 bytes, and PostgreSQL keeps 63: shorten"):
        versioned("SELECT queueapp_move_order_start(true)")


def test_the_version_before_stays_and_older_ones_go(versions: Versions) -> None:
    versions.migrate(A, B)
    assert versions.installed == {A, B}
    versions.migrate(B, B)
    assert versions.installed == {A, B}, "the same version once more is no upgrade"
    versions.migrate(C)
    assert versions.installed == {B, C}


def test_after_a_way_back_the_version_that_was_left_counts_as_the_one_before(versions: Versions) -> None:
    versions.migrate(A, B, A)
    assert versions.installed == {A, B}
    versions.migrate(C)
    assert versions.installed == {A, C}


def test_functions_that_nobody_marked_stay_for_one_upgrade(versions: Versions) -> None:
    with connection.cursor() as cursor:  # as after a restore without comments
        cursor.execute("CREATE FUNCTION queueapp_of_old_aaaaaaaa() RETURNS int LANGUAGE sql AS 'SELECT 1'")
        versions.migrate(B)
        cursor.execute("SELECT queueapp_of_old_aaaaaaaa()")
        versions.migrate(C)
        cursor.execute("SELECT to_regproc('queueapp_of_old_aaaaaaaa') IS NULL")
        assert cursor.fetchone() == (True,)


def test_code_of_the_version_before_works_on(versions: Versions) -> None:
    before = routines.VERSION
    versions.migrate(A)
    assert before != routines.VERSION
    ada = make_owner("ada")
    submit(ada, [parse({"job_id": "by-the-version-before", "duration": 1.0})])  # its statements are constants
    assert Job.objects.get().owner == ada


def test_an_installation_that_fails_changes_nothing(
    versions: Versions, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    versions.migrate(A, B)
    monkeypatch.setattr(install, "sql_files", lambda: sql_files() | {"z.sql": "CREATE OR REPLACE FUNCTION broken"})
    with pytest.raises(DatabaseError):
        versions.migrate(C)
    assert versions.installed == {A, B}


@pytest.mark.django_db(transaction=True)
def test_two_that_migrate_at_once_install_one_after_the_other() -> None:
    app, go_on, begun = apps.get_app_config("queueapp"), threading.Event(), threading.Event()

    def first() -> None:
        with transaction.atomic():
            install.install(app)
            begun.set()
            go_on.wait()

    with ThreadPoolExecutor(2) as pool:
        held = pool.submit(in_thread, first)
        begun.wait()
        second = pool.submit(in_thread, lambda: install.install(app))
        await_a_waiter(second.done)
        go_on.set()
        held.result()
        second.result()
    assert routines.are_installed()


@pytest.mark.django_db
@pytest.mark.site
def test_a_web_server_whose_functions_are_gone_is_not_ready_and_refuses_for_a_while(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(health, "_known", health._Known())  # it caches for a second
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER FUNCTION {versioned('queueapp_submit')} RENAME TO gone")
    ready = Client().get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["detail"].startswith("The database lacks the SQL functions of this version")
    api = APIClient()
    api.force_authenticate(make_user("ada"))
    answer = api.post("/api/v1/jobs/", {"job_id": "a", "duration": 1.0}, format="json")
    assert (answer.status_code, answer.has_header("Retry-After")) == (503, True)
    assert f"503 for POST /api/v1/jobs/: {routines.GONE}" in caplog.text
