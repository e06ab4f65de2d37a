"""Every setting and every configuration of the documentation is one that its program takes."""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import environ
import opentelemetry.sdk.environment_variables as standard
import pytest
import yaml
from django.db import connection

import jobsite
from queueapp import metrics
from tests.kit.examples import Examples
from turnabout_client.cli import settings as client_settings

MODULES = ("jobsite.security", "jobsite.database", "jobsite.settings")
SETTING = re.compile(r"(?P<name>[A-Z_]+)=(?P<value>.*?)(?:  +#.*)?")


class Reading(dict[str, str]):
    """Variables of an environment. `asked`: the names that were looked up."""

    def __init__(self, given: dict[str, str]) -> None:
        super().__init__(given)
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        return super().__getitem__(name)


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Reads the site's settings anew, in this environment, and returns the names that they asked for."""

    def read(variables: dict[str, str]) -> set[str]:
        needed = {name: os.environ[name] for name in ("SECRET_KEY", "ALLOWED_HOSTS", "DATABASE_URL")}
        environment = Reading(needed | variables)
        monkeypatch.setattr(environ.Env, "ENVIRON", environment)
        for name in MODULES:
            monkeypatch.delitem(sys.modules, name, raising=False)
        importlib.import_module("jobsite.settings")
        return environment.asked

    with monkeypatch.context() as kept:
        for name in MODULES:
            kept.setattr(jobsite, name.removeprefix("jobsite."), sys.modules[name])
            kept.setitem(sys.modules, name, sys.modules[name])
        yield read


@pytest.mark.examples("*", "dotenv")
def test_every_variable_is_read_and_its_value_is_taken(examples: Examples, start: Any) -> None:
    """Line after line, as a name may come twice, with another value."""
    for block in examples:
        given: dict[str, str] = {}
        with block.noted():
            for line in block.code.splitlines():
                found = SETTING.fullmatch(line)
                assert found is not None, line
                given[found["name"]] = found["value"].replace("<50 random", os.environ["SECRET_KEY"])
                assert found["name"] in start(given) | set(vars(standard)), line


@pytest.mark.examples("docs/guides/command-line.md", "toml")
def test_the_client_reads_its_file(examples: Examples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [block] = examples
    (tmp_path / "config.toml").write_text(block.code)
    monkeypatch.setenv("TURNABOUT_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.delenv("TURNABOUT_URL", raising=False)
    read = client_settings.load(None, None, None)
    assert (read.url, read.username) == ("https://queue.example.org", "alice")


@pytest.mark.examples("docs/guides/watch.md", "yaml")
def test_prometheus_is_told_where_and_with_which_token(examples: Examples) -> None:
    """The page's `curl` asks the default path with it: test_commands.py."""
    [block] = examples
    [job] = yaml.safe_load(block.code)["scrape_configs"]
    assert job.keys() == {"job_name", "authorization", "static_configs"}
    assert job["authorization"] == {"credentials": "<METRICS_TOKEN>"}
    assert job["static_configs"][0].keys() == {"targets"}


@pytest.mark.examples("docs/guides/watch.md", "promql")
def test_queries_name_figures_and_labels_that_there_are(examples: Examples) -> None:
    """There is no Prometheus here to run them."""
    [block] = examples
    code = Path(metrics.__file__).read_text()
    for line in block.code.splitlines():
        assert line.count("(") == line.count(")")
    for name in re.findall(r"turnabout_(\w+?)(?:_total|_bucket)\b", block.code):
        assert f'"{name}"' in code or f'"turnabout_{name}"' in code


@pytest.mark.examples("docs/operations.md", "ini")
@pytest.mark.django_db
def test_pgbouncer_may_bound_the_statements_of_a_database(examples: Examples) -> None:
    [block] = examples
    read = ConfigParser(interpolation=None)
    read.read_string(block.code)
    for given in read["databases"].values():
        options = dict(re.findall(r"(\w+)=('[^']*'|\S+)", given))
        assert options.keys() <= {"host", "dbname", "connect_query"}
        with connection.cursor() as cursor:
            cursor.execute(options.get("connect_query", "'SELECT 1'").strip("'"))


@pytest.mark.examples("docs/guides/back-up-and-restore.md", "ini")
@pytest.mark.django_db
def test_postgresql_has_the_settings_of_archiving(examples: Examples) -> None:
    [block] = examples
    for name, value in re.findall(r"^(\w+) = '?([^'\s#]+)", block.code, re.MULTILINE):
        with connection.cursor() as cursor:
            cursor.execute("SELECT enumvals FROM pg_settings WHERE name = %s", [name])
            [[choices]] = cursor.fetchall()
        assert choices is None or value in choices
