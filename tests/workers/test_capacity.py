"""What `manage.py processors` says, in one sentence, where it cannot start; and that it waits for a database."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from queueapp.db.routines import GONE, versioned
from tests.kit.site import BASE, DEADLINE, Site, free_port


@pytest.fixture(scope="module")
def idle() -> Site:
    """A database with the site's schema; nothing runs."""
    site = Site("turnabout_capacity", processors=2)
    site.start(cluster=False, web=False)
    return site


def refusal(site: Site, **environment: str) -> str:
    """The one line that the command says."""
    said = site.refused("manage.py", "processors", **environment).strip()
    assert len(said.splitlines()) == 1
    return said


def test_more_connections_than_the_server_takes_are_refused_at_the_start(idle: Site) -> None:
    [[room]] = idle.query(
        "SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int"
    )
    said = refusal(idle, PROCESSORS="500", CLUSTER_CONNECTIONS=str(room + 1))
    assert f"500 processors may open {room + 1} connections" in said
    assert f"set CLUSTER_CONNECTIONS to at most {room}, or raise PostgreSQL's max_connections" in said


def test_the_limit_of_the_role_counts(idle: Site) -> None:
    idle.query("CREATE ROLE turnabout_few LOGIN SUPERUSER CONNECTION LIMIT 9")
    url = idle.database_url.replace("//postgres@", "//turnabout_few@")
    try:
        assert "set CLUSTER_CONNECTIONS to at most 9" in refusal(idle, PROCESSORS="4", DATABASE_URL=url)
    finally:
        idle.query("DROP ROLE turnabout_few")


def test_too_few_connections_for_any_cluster_are_refused(idle: Site) -> None:
    assert "Set QUEUEAPP['CLUSTER_CONNECTIONS'] to at least 5" in refusal(idle, CLUSTER_CONNECTIONS="4")


@pytest.fixture
def later(idle: Site) -> Iterator[None]:
    """The database has a migration of a later version."""
    idle.query("INSERT INTO django_migrations (app, name, applied) VALUES ('queueapp', '9999_later', now())")
    yield
    idle.query("DELETE FROM django_migrations WHERE name = '9999_later'")


@pytest.fixture
def without_functions(idle: Site) -> Iterator[None]:
    """The database has been upgraded so often that it lacks a function of this version."""
    name = versioned("queueapp_all_paused")
    idle.query(f"ALTER FUNCTION {name} RENAME TO gone")
    yield
    idle.query(f"ALTER FUNCTION gone RENAME TO {name}")


@pytest.mark.usefixtures("later")
def test_processors_of_the_version_before_start_and_its_migrate_is_refused(idle: Site) -> None:
    idle.start_cluster()
    idle.wait_for("SELECT count(*) >= 2 FROM queueapp_processor")
    idle.stop()
    assert "does not have (9999_later)" in idle.refused("manage.py", "migrate")


@pytest.mark.usefixtures("later", "without_functions")
def test_processors_of_an_older_version_are_refused(idle: Site) -> None:
    said = refusal(idle)
    assert "The database is of a later version (migration 9999_later)" in said
    assert "start processors of that version" in said


@pytest.mark.usefixtures("without_functions")
def test_functions_that_were_not_installed_are_refused(idle: Site) -> None:
    assert "lacks the SQL functions of this version: run manage.py migrate first" in refusal(idle)


def test_processors_end_in_a_sentence_once_the_functions_of_their_version_are_gone(
    idle: Site, request: pytest.FixtureRequest
) -> None:
    idle.start_cluster(stderr=subprocess.PIPE)
    idle.wait_for("SELECT count(*) >= 2 FROM queueapp_processor")
    request.getfixturevalue("without_functions")
    assert idle.cluster is not None
    _, said = idle.cluster.communicate(timeout=DEADLINE)
    assert idle.cluster.returncode == 1
    assert b"Traceback" not in said
    assert said.strip().splitlines()[-1].decode() == f"CommandError: {GONE}"


def test_a_schema_that_lacks_a_migration_is_refused(idle: Site) -> None:
    [[last]] = idle.query("SELECT max(name) FROM django_migrations WHERE app = 'queueapp'")
    idle.query("DELETE FROM django_migrations WHERE app = 'queueapp' AND name = %s", last)
    try:
        assert f"lacks migrations (queueapp.{last}): run manage.py migrate first" in refusal(idle)
    finally:
        idle.query("INSERT INTO django_migrations (app, name, applied) VALUES ('queueapp', %s, now())", last)


def test_processors_wait_for_a_database_that_is_away(idle: Site) -> None:
    server, port = urlsplit(idle.database_url), free_port()
    away = Site("turnabout_capacity", 2, DATABASE_URL=f"postgresql://postgres@127.0.0.1:{port}{server.path}")
    away.start_cluster(stderr=subprocess.PIPE)
    assert away.cluster is not None
    assert away.cluster.stderr is not None
    said = away.cluster.stderr.readline().decode()
    assert "The database cannot be reached; trying again until it can" in said
    socket = f"{parse_qs(server.query)['host'][0]}/.s.PGSQL.5432"
    forward = subprocess.Popen([sys.executable, "-m", "tests.kit.forward", "127.0.0.1", str(port), socket], cwd=BASE)
    try:
        idle.wait_for("SELECT count(*) >= 2 FROM queueapp_processor")
        away.stop()
    finally:
        forward.kill()
        forward.wait()
