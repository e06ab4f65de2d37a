"""Many jobs from a text or a file: what is wrong is told line by line, and all are submitted, or none."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from queueapp.http.body_limit import MAX_FILE_BYTES
from queueapp.lifecycle.quota import forget_counts
from queueapp.models import Job
from queueapp.pages.many.check import OTHER_CONTENT
from tests.kit.queue import make_user, submit_jobs
from tests.kit.site import BASE

pytestmark = pytest.mark.django_db
CSV = "job_id,duration\na,1\nb,2.5\n"


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(make_user("ada"))
    return client


@pytest.fixture
def change(settings: Settings) -> Callable[..., None]:
    def change(**values: Any) -> None:
        settings.QUEUEAPP = settings.QUEUEAPP | values
        forget_counts()

    return change


def send(client: Client, text: str = "", do: str = "check", **fields: Any) -> Any:
    return client.post("/submit/many/", {"text": text, "do": do, **fields})


def wrong(answer: Any) -> list[tuple[int, str, str]]:
    """What the page says is wrong: line, column, message."""
    rows = re.findall(r'<tr><th scope="row" class="number">(\d+)</th><td>(.*?)</td><td><bdi>(.*?)</bdi>', answer.text)
    return [
        (int(line), re.sub("<.*?>", "", column).strip("\u2013"), unescape(message)) for line, column, message in rows
    ]


def said(answer: Any) -> str:
    return unescape(re.sub(r"<[^>]*>", "", answer.text))


def jobs() -> list[tuple[str, float, str, Any]]:
    return list(Job.objects.order_by("pk").values_list("name", "duration", "task", "payload"))


def test_what_is_right_is_previewed_then_submitted_once_however_often_the_button_is_pressed(client: Client) -> None:
    preview = send(client, CSV)
    assert "2 jobs, no line is wrong" in said(preview)
    assert "Submit 2 jobs" in said(preview)
    assert jobs() == []
    for expected in ("2 jobs are in the queue.", "0 jobs are in the queue. 2 existed before, and did not change."):
        done = send(client, CSV, "submit")
        assert expected in said(client.get(done.url))
    assert [name for name, *_ in jobs()] == ["a", "b"]
    assert "2 existed before with the same content" in said(send(client, CSV))


COLUMNS = """job_id;duration;task;payload;payload.title;payload.copies;payload.colour;payload.ink;run_at;time_limit
 ä-1 ;1,5;poster;"{""note"": ""x""}";12;3;TRUE;red;2100-01-01T00:00:00Z;60

plain;2;;;;;;;;
"""


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_cells_become_what_the_task_takes(client: Client, delimiter: str) -> None:
    text = COLUMNS.replace(";", delimiter)
    assert "2 jobs, no line is wrong" in said(send(client, text)), wrong(send(client, text))
    send(client, text, "submit")
    payload = {"note": "x", "title": "12", "copies": 3, "colour": True, "ink": "red"}
    assert jobs() == [("ä-1", 1.5, "poster", payload), ("plain", 2.0, "wait", {})]
    job = Job.objects.get(name="ä-1")
    assert (job.time_limit, str(job.run_at)) == (60.0, "2100-01-01 00:00:00+00:00")


def test_json_lines_and_logs_are_recognised(client: Client) -> None:
    send(client, '{"job_id": "j", "duration": 1, "task": "poster", "payload": {"title": "x", "copies": 1}}\n', "submit")
    log = "; a comment\n" + "".join(f"{n} 0 0 {spent}{' 1' * 14}\n" for n, spent in ((1, 5), (2, -1), (3, 0), (4, 7)))
    preview = send(client, log, stem="night-")
    assert "2 lines without a run time will be left out." in said(preview)
    send(client, log, "submit", stem="night-")
    assert [(name, duration) for name, duration, *_ in jobs()] == [("j", 1.0), ("night-1", 5.0), ("night-4", 7.0)]


def test_what_is_wrong_is_told_by_line_and_column_and_nothing_is_submitted(client: Client) -> None:
    submit_jobs(make_user("bob"), "a")  # of somebody else
    client.post("/api/v1/jobs/", {"job_id": "taken", "duration": 1}, content_type="application/json")
    text = (
        "job_id,duration,task,payload.path\r\na,1,,\r\n\r\nb b,1,,\r\nc,soon,,\r\nd,-1,,\r\ne,1,none,\r\n"
        "f,1,checksum,\r\n"
        'g,1,checksum,"two\r\nlines"\r\na,1,,\r\nh,1\r\ntaken,2,,\r\n,3,,\r\ni,1,checksum,../secret\r\n'
    )
    answer = send(client, text, "submit")
    assert answer.status_code == 400
    found = {(line, column): message for line, column, message in wrong(answer)}
    assert found.pop((4, "job_id")).startswith("use letters, digits and")
    assert found.pop((5, "duration")) == "give a number of seconds, such as 12.5"
    assert found.pop((6, "duration")) == "must be at least 0.000001 seconds"
    assert found.pop((7, "task")).startswith("there is no such task; there are: ")
    assert found.pop((8, "payload.path")) == "is missing"
    assert found.pop((11, "job_id")) == "is also on line 2"
    assert found.pop((12, "")) == "has 2 fields, and the header 4"
    assert found.pop((13, "job_id")) == OTHER_CONTENT
    assert found.pop((14, "job_id")) == "is missing"
    assert "leaves the folder" in found.pop((15, "payload"))
    assert not found
    assert "9 lines are wrong" in said(answer) or "10 lines are wrong" in said(answer)
    assert Job.objects.count() == 2
    assert "b b,1,," in answer.text  # to be corrected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("b,duration\n1,2\n", [(1, "b", "there is no such"), (1, "job_id", "the first line must name")]),
        ("a," * 300_000, [(1, "", "there are 300,001 columns; at most 200 are taken")]),
        ("\njob_id,duration,duration\n", [(2, "duration", "there are two columns of this name")]),
        ('job_id,duration\na,1\n"b,1\n', [(3, "", "is no CSV: unexpected end of data")]),
        ("job_id,duration,payload\na,1,[1]\n", [(2, "payload", "give an object")]),
        ("job_id,duration\n" + "x" * 300 + ",1\n", [(2, "job_id", "String should have at most 200")]),
        ('{"job_id": "a"}\n{\n[]\n{"job_id": "a", "duration": 1, "user": "bob"}', [
            (1, "duration", "is missing"), (2, "", "is not JSON"), (3, "", "write one job a line"),
            (4, "user", "leave it out"),
        ]),
        ('{"job_id": "a", "duration": NaN}', [(1, "duration", "finite")]),
        ('{"job_id": "a", "duration": 1, "task": "poster", "payload": {"x": ' + "[" * 60 + "]" * 60 + "}}", [
            (1, "", "is nested more than 50 deep"),
        ]),
        ("; log\n1 2 3\n", [(2, "", "has 3 of 18 fields")]),
        ("job_id,duration\n\u202ea,1\n=1+1,1\n", [(2, "job_id", "use letters"), (3, "job_id", "use letters")]),
        ("job_id,duration,payload.x\na,1,\ud800\n", [(2, "payload.x", "Extra inputs")]),
        ("job_id,duration,payload\na,1,\"{}\x00\"\n", [(2, "payload", "is not JSON")]),
    ],
    ids=lambda value: repr(value)[:30],
)  # fmt: skip
def test_every_mistake_is_a_sentence(client: Client, text: str, expected: list[tuple[int, str, str]]) -> None:
    found = wrong(send(client, text.encode(errors="replace").decode()))
    assert [(line, column) for line, column, _ in found] == [(line, column) for line, column, _ in expected]
    assert all(part in message for (_, _, part), (_, _, message) in zip(expected, found, strict=True)), found


@pytest.mark.parametrize(
    ("there", "now", "same"), [("true", "1", False), ("1e23", "1e23", True), ("[1.0]", "[1]", True)]
)
def test_the_preview_compares_contents_as_the_submission_does(client: Client, there: str, now: str, same: bool) -> None:
    rows = [json.dumps({"job_id": "p", "duration": 1, "task": "poster", "payload": {"title": "", "copies": 1}})]
    text, again = (rows[0].replace("1}}", f'1, "anything": {value}}}}}') for value in (there, now))
    assert send(client, text, "submit").status_code == 302
    preview = send(client, again)
    assert ("1 existed before with the same content" in said(preview)) is same
    assert (OTHER_CONTENT in said(preview)) is not same
    assert send(client, again, "submit").status_code == (302 if same else 400)


def file(content: bytes, name: str = "jobs.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def packed(text: str) -> bytes:
    """The text as a gzip file without a time: names of cases must not hold the time of day."""
    return gzip.compress(text.encode(), mtime=0)


@pytest.mark.parametrize(
    "content",
    [CSV.encode(), CSV.encode("utf-8-sig"), CSV.replace("\n", "\r\n").encode(), CSV.replace("\n", "\r").encode(),
     packed(CSV), packed(CSV[:15]) + packed(CSV[15:])],
)  # fmt: skip
def test_a_file_is_read_whatever_its_marks_and_line_ends_and_never_submitted_unseen(
    client: Client, content: bytes
) -> None:
    preview = send(client, "old text", "submit", file=file(content))
    assert "Submit 2 jobs" in said(preview)
    assert not jobs()
    assert "job_id,duration\na,1\nb,2.5" in preview.text


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"job_id,duration\na,1\n\xe9,1\n", "Line 3 is not in UTF-8 (byte 0xe9). Save it as UTF-8."),
        (CSV.encode("utf-16"), "The file is in UTF-16. Save it as UTF-8."),
        (
            packed(" " * 20_000_000),
            "The file is too large: at most 2,000,000 bytes are taken, unpacked.",
        ),
        (b"x" * (MAX_FILE_BYTES + 1), "The file is too large"),
        (packed(CSV)[:-9], "The file is cut short"),
        (b"\x1f\x8bnonsense" * 9, "The file is damaged"),
        (packed("") * 100_000, "The file is packed in more than 1,000 parts. Pack it in one."),
        (b"", "There is no job in it"),
        (b"\n\n", "There is no job in it"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_file_that_cannot_be_read_says_why(client: Client, content: bytes, sentence: str) -> None:
    answer = send(client, file=file(content))
    assert answer.status_code == 400
    assert sentence in said(answer)


def test_a_request_beyond_the_bounds_is_refused_unread(client: Client) -> None:
    assert send(client, file=file(b"x" * (3 * MAX_FILE_BYTES))).status_code == 413


def test_more_jobs_than_one_may_send_or_have_are_refused_with_the_number(
    client: Client, change: Callable[..., None]
) -> None:
    change(MAX_BULK_JOBS=2)
    assert "more than 2 jobs, and at most 2 are taken" in said(send(client, CSV + "c,1\n"))
    change(MAX_BULK_JOBS=10, MAX_WAITING_JOBS=3)
    assert send(client, CSV, "submit").status_code == 302
    answer = send(client, CSV + "c,1\nd,1\n", "submit")
    assert "2 jobs are new, and only 1 more of yours may wait now" in said(answer)
    assert len(jobs()) == 2
    assert send(client, CSV + "c,1\n", "submit").status_code == 302


def test_ten_thousand_jobs_are_checked_and_submitted(client: Client) -> None:
    lines = (json.dumps({"job_id": f"任務-{n}", "duration": 1}, ensure_ascii=False) for n in range(10_000))
    text = "\n".join(lines)
    assert "10,000 jobs, no line is wrong" in said(send(client, text))
    assert send(client, text, "submit").url == "/submit/many/?new=10000&existing=0"
    many = send(client, text.replace('"duration": 1', '"duration": 0'))
    assert "10,000 lines are wrong" in said(many)
    assert len(wrong(many)) == 100


def test_a_real_log_is_read_to_its_end(client: Client) -> None:
    log = (BASE / "demo" / "office-day.swf").read_bytes()
    assert re.search(r"1,\d{3} jobs, no line is wrong", said(send(client, file=file(log, "office-day.swf"))))
