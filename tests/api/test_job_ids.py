"""Job ids in any script: one rule for bodies, addresses, filters and pages."""

from __future__ import annotations

import re
import unicodedata
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

import queueapp
from queueapp.job_ids import job_id_problem, normal_job_id
from tests.kit.queue import make_user
from turnabout_client._bulk import normal

pytestmark = pytest.mark.django_db
NAMES = ("Übung-3", "задача_7", "任務:42", "مهمة-1", "नमस्ते", "ภารกิจ", "đỗ", "שָׁלוֹם", "٣٤", "a", "x@y+z~.:-")


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(make_user("ada"))
    return client


def post(client: Client, path: str, data: Any) -> Any:
    return client.post(f"/api/v1/jobs/{path}", data, content_type="application/json")


@pytest.mark.parametrize("name", NAMES)
def test_a_job_is_found_by_its_name_however_that_was_typed(client: Client, name: str) -> None:
    name, typed = unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", f"  {name}\n")
    made = post(client, "", {"job_id": typed, "duration": 1})
    assert (made.status_code, made.json()["job_id"]) == (201, name)
    assert made.headers["Location"].isascii()
    assert client.get(made.headers["Location"]).json()["job_id"] == name
    assert post(client, "", {"job_id": name, "duration": 1}).status_code == 200  # the same job
    assert client.get(f"/api/v1/jobs/{quote(typed.strip(), safe='')}/").json()["job_id"] == name
    assert [job["job_id"] for job in client.get("/api/v1/jobs/", {"prefix": typed}).json()["results"]] == [name]
    assert re.search(f"<bdi>{re.escape(name)}</bdi>", client.get(f"/jobs/{quote(typed.strip())}/").content.decode())
    assert name in client.get("/jobs/", {"prefix": name}).content.decode()
    assert normal(typed) == name == normal_job_id(typed)  # the client and the server agree
    assert post(client, "cancel/", {"job_ids": [typed]}).json()["cancelled"] == 1


def test_a_prefix_finds_names_that_go_on_in_another_script(client: Client) -> None:
    for name in ("log-é", "log-任", "log-\U00020000", "log"):
        assert post(client, "", {"job_id": name, "duration": 1}).status_code == 201
    assert len(client.get("/api/v1/jobs/", {"prefix": "log-"}).json()["results"]) == 3


@pytest.mark.parametrize(
    "name",
    [
        "", " ", ".", "..", "-rf", "=SUM(A1)", "+1", "@cmd", "a/b", "a b", "a\tb", "a%b", "a?b", "a#b", "a\\b", "<b>",
        "a\u202eb", "a\u2066b", "a\u200bb", "a\u200db", "a\u200fb", "\ufeffa", "a\xadb", "a\u3164b", "a\ufe0fb",
        "\u0301a", "x" + "\u0301\u0302\u0303\u0304\u0305", "a\xa0b", "½", "€5", "😀", "a\ud800", "é" * 201, "bulk",
    ],
    ids=ascii,
)  # fmt: skip
def test_what_hides_turns_or_breaks_something_is_refused_by_its_field(client: Client, name: str) -> None:
    refused = post(client, "", {"job_id": name, "duration": 1})
    assert refused.status_code == 400
    if "\ud800" not in name:
        assert [error["field"] for error in refused.json()["errors"]] == ["job_id"]


def test_a_long_run_of_marks_is_refused_without_being_sorted(client: Client) -> None:
    marks = "a" + "\u0301\u0323" * 20_000  # to compose these takes minutes
    assert post(client, "", {"job_id": marks, "duration": 1}).status_code == 400


def test_names_that_only_look_alike_are_two_jobs(client: Client) -> None:
    assert [post(client, "", {"job_id": name, "duration": 1}).status_code for name in ("co", "c\u043e")] == [201, 201]


def test_code_in_the_project_finds_a_job_by_any_form_of_its_name() -> None:
    ada = make_user("ada")
    queueapp.submit(ada, "wait", job_id="cafe\u0301", duration=1)
    assert queueapp.get(ada, " caf\xe9 ").job_id == "caf\xe9"
    assert job_id_problem("caf\xe9") is None
