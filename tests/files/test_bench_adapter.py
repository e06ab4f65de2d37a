"""The adapter for the public harness names what is there."""

from __future__ import annotations

import json

import pytest
from django.db import connection

from bench.long_horizon.__main__ import TABLES
from bench.long_horizon.producer import rate_from
from jobsite.local import BASE


@pytest.mark.django_db
def test_the_manifest_and_the_descriptor_name_the_same_tables_and_indexes_that_exist() -> None:
    manifest = json.loads((BASE / "bench" / "long_horizon" / "adapter.json").read_text())
    assert manifest["event_tables"] == [f"public.queueapp_{table}" for table in TABLES]
    with connection.cursor() as cursor:
        for name in [*manifest["event_tables"], *manifest["event_indexes"]]:
            cursor.execute("SELECT to_regclass(%s)", [name])
            assert cursor.fetchone() != (None,), name


def test_the_rate_follows_the_control_file_and_is_the_default_while_it_holds_no_number(tmp_path: object) -> None:
    control = f"{tmp_path}/rate"
    assert rate_from(None, 5.0) == rate_from(control, 5.0) == 5.0
    with open(control, "w") as file:
        file.write("12.5\n")
    assert rate_from(control, 5.0) == 12.5
