"""The pages of all jobs and of one job, as the server renders them. test_job_page.py has them in a browser."""

from __future__ import annotations

import json
import re
import time
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from queueapp.conf import queue_settings
from queueapp.lifecycle.outcome import JobOutcome
from queueapp.lifecycle.processors import heartbeat, register
from queueapp.lifecycle.submit import submit
from queueapp.lifecycle.turn import take_turn
from queueapp.lifecycle.validation import parse
from queueapp.models import Attempt, Job, Outcome, Owner
from queueapp.states import Status
from tests.kit.queue import make_user, run_all, submit_jobs

pytestmark = pytest.mark.django_db

HOSTILE = "<script>alert(1)</script>\u202egnirts\u202c \x1b[31mred\x07 </pre>&amp;"


@pytest.fixture
def ada() -> Any:
    return make_user("ada")


@pytest.fixture
def page(ada: Any) -> Client:
    client = Client()
    client.force_login(ada)
    return client


def shown(client: Client, address: str, status: int = 200) -> str:
    """The page at this address."""
    answer = client.get(address)
    assert answer.status_code == status
    return answer.content.decode()


def rows(text: str) -> list[str]:
    """The ids of the jobs in the table."""
    return re.findall(r'<tr data-status="\w+" data-job-id="([^"]*)">', text)


def links(text: str) -> list[str]:
    """Where the links of a page lead to."""
    return [unescape(href) for href in re.findall(r'<a [^>]*?href="([^"]*)"', text)]


def end_all(processor: int, status: Status, **fields: Any) -> None:
    """Take a turn, and end its jobs like this."""
    turn = take_turn(processor)
    now = time.monotonic()
    ended = [JobOutcome(job.id, job.owner, status, job.attempt, 0.1, now, **fields) for job in turn.jobs]
    take_turn(processor, turn.number, ended, now=now, more=False)


class TestAllJobs:
    def test_the_one_failure_among_very_many_successes_is_one_link_away(self, ada: Any, page: Client) -> None:
        processor = register("c").pk
        submit_jobs(ada, "the-failure")
        end_all(processor, Status.FAILED, error="the disk is full")
        submit_jobs(ada, *[f"fine-{n}" for n in range(300)], duration=0.001)
        run_all(processor)
        home = shown(page, "/")
        assert "1 job failed that you have not seen yet." in home
        (link,) = [href for href in links(home) if "after=" in href]
        found = shown(page, link)
        assert rows(found) == ["the-failure"]
        assert "the disk is full" in found
        seen = re.search(r'name="seen" value="(\d+)"', found)
        assert seen is not None
        submit_jobs(ada, "next-failure")
        end_all(processor, Status.FAILED, error="again")
        page.post("/jobs/", {"seen": seen[1]})
        (link,) = [href for href in links(shown(page, "/")) if "after=" in href]
        assert rows(shown(page, link)) == ["next-failure"], "it came after the page that was marked as seen"
        page.post("/jobs/", {"seen": "9" * 17})
        page.post("/jobs/", {"seen": "0"})
        assert "not seen yet" not in shown(page, "/"), "what is seen stays seen"
        assert Owner.objects.of_user(ada).failures_seen <= Outcome.objects.latest("number").number

    def test_any_of_a_deep_backlog_is_found_and_reached_by_pages(self, ada: Any, page: Client) -> None:
        submit_jobs(ada, *[f"j{n:04}" for n in range(130)])
        seen, address = [], "/jobs/?status=queued&sort=oldest"
        while address:
            text = shown(page, address)
            seen += rows(text)
            address = next((unescape(href) for href in re.findall(r'rel="next" href="([^"]*)"', text)), "")
        assert seen == [f"j{n:04}" for n in range(130)]
        assert rows(shown(page, "/jobs/?prefix=j012")) == [f"j{n:04}" for n in range(129, 119, -1)]
        assert "status=queued" in " ".join(links(shown(page, "/"))), "the page of the queue leads there"

    def test_the_form_keeps_what_was_searched_for_and_names_what_is_wrong(self, ada: Any, page: Client) -> None:
        submit_jobs(ada, "a1")
        text = shown(page, "/jobs/?prefix=a&task=wait&error=&submitted_after=2020-01-31T08:00&status=&sort=")
        assert rows(text) == ["a1"], "empty fields say nothing, and moments without a zone are in UTC"
        assert 'value="2020-01-31T08:00:00"' in text
        assert 'value="2020-01-31T07:00:00"' in shown(page, "/jobs/?submitted_after=2020-01-31T08:00%2B01:00")
        wrong = shown(page, "/jobs/?prefix=a%2Fb&submitted_before=soon", 400)
        assert re.search(r'id="prefix"[^>]*value="a/b"[^>]*aria-invalid="true"', wrong)
        assert "use ISO 8601" in wrong
        assert shown(page, "/jobs/?cursor=nonsense", 404)

    def test_the_counts_lead_to_the_jobs_of_each_state(self, ada: Any, page: Client) -> None:
        submit_jobs(ada, "a1", "a2")
        run_all(register("c").pk, limit=1)
        text = shown(page, "/jobs/?prefix=zzz")
        assert rows(text) == []
        assert re.findall(r">(\w+) <span class=\"count number\">(\d+)", text) == [
            ("Queued", "1"), ("Running", "0"), ("Succeeded", "1"), ("Failed", "0"), ("Cancelled", "0"),
        ]  # fmt: skip
        (succeeded,) = [href for href in links(text) if "status=succeeded" in href]
        assert rows(shown(page, succeeded)) == ["a1"]


class TestOneJob:
    def test_the_timeline_tells_each_attempt_with_what_it_printed(self, ada: Any, page: Client) -> None:
        processor = register("c").pk
        submit_jobs(ada, "j1")
        end_all(processor, Status.FAILED, error="ValueError: first", log="Traceback one", retry=0.0)
        Job.objects.get(name="j1").places.update(not_before=None)
        job = Job.objects.get(name="j1")
        Outcome.objects.filter(job=job).delete()
        Attempt.objects.get_or_create(
            job=job, number=1,
            defaults={"started_at": job.submitted_at, "finished_at": job.submitted_at, "time_spent": 1, "error": "e"},
        )  # fmt: skip
        text = shown(page, "/jobs/j1/")
        assert "Attempt 1 failed after" in text
        assert "ValueError: first" in text
        assert "Traceback one" in text
        assert re.search(r"<bdi>Waits", text)

    def test_a_running_job_shows_how_far_it_is_and_can_be_stopped(self, ada: Any, page: Client) -> None:
        submit_jobs(ada, "j1", duration=10)
        processor = register("c").pk
        turn = take_turn(processor)
        heartbeat(processor, turn.number, elapsed=2, progress=0.25, message="a quarter")
        text = shown(page, "/jobs/j1/")
        assert 'data-key="running 0 1"' in text
        assert ">25%<" in text
        assert "a quarter" in text
        assert "Attempt 1 runs" in text
        assert page.post("/jobs/j1/", {"do": "cancel"}).status_code == 302
        assert "stopping" in shown(page, "/jobs/j1/")

    def test_a_job_is_cancelled_and_tried_again_without_any_script(self, ada: Any, page: Client) -> None:
        submit_jobs(ada, "j1")
        assert page.post("/jobs/j1/", {"do": "cancel"}).headers["Location"] == "/jobs/j1/"
        assert "Cancelled before it started" in shown(page, "/jobs/j1/")
        again = page.post("/jobs/j1/", {"do": "cancel"})
        assert (again.status_code, b"Only a job that waits or runs" in again.content) == (409, True)
        page.post("/jobs/j1/", {"do": "retry"})
        assert "Waits" in shown(page, "/jobs/j1/")
        assert page.post("/jobs/j1/", {"do": "dance"}).status_code == 404

    def test_every_id_that_is_allowed_has_a_page_that_links_lead_to(self, ada: Any, page: Client) -> None:
        names = ["_", "a.b:c@d+e~f-g_H", "page+1", "100~", "x" * 200, "a..", "jobs", "任務", "مهمة"]
        submit_jobs(ada, *names)
        for address in ("/jobs/", "/"):
            leads = [href for href in links(shown(page, address)) if re.match(r"/jobs/[^?]", href)]
            assert len(leads) == len(names)
            for href in leads:
                heading = re.search(r'<h1 class="job-title"><bdi>(.*)</bdi></h1>', shown(page, href))
                assert heading is not None
                names_left = {name for name in names if unescape(heading[1]) == name}
                assert names_left

    def test_what_a_task_says_is_text_and_never_markup_or_control(self, ada: Any, page: Client) -> None:
        processor = register("c").pk
        submit(Owner.objects.of_user(ada), [parse({"job_id": "j1", "duration": 1, "task": "wait"})])
        Job.objects.filter(name="j1").update(payload={"<b>": HOSTILE})
        end_all(processor, Status.FAILED, error=HOSTILE, log=HOSTILE, message=HOSTILE)
        for address in ("/", "/jobs/", "/jobs/j1/"):
            assert "<script>alert" not in shown(page, address)
        text = shown(page, "/jobs/j1/")
        assert "\u202e" not in text
        assert "\x1b" not in text
        assert "␛[31mred␇" in text

    def test_a_result_of_a_megabyte_on_one_line_is_cut_on_the_page_and_whole_in_the_download(
        self, ada: Any, page: Client
    ) -> None:
        submit_jobs(ada, "j1")
        large = "x" * 999_000
        end_all(register("c").pk, Status.SUCCEEDED, result=json.dumps(large))
        text = shown(page, "/jobs/j1/")
        assert len(text) < 80_000
        assert "The download has all of it." in text
        download = page.get("/jobs/j1/?download=result")
        assert download.json() == large
        assert download.headers["Content-Disposition"] == 'attachment; filename="j1-result.json"'
        for nothing in ("payload", "log", "x"):
            assert page.get(f"/jobs/j1/?download={nothing}").status_code in (200, 404)

    def test_only_the_newest_of_very_many_attempts_are_shown(self, ada: Any, page: Client) -> None:
        submit_jobs(ada, "j1")
        job = Job.objects.get(name="j1")
        at = {"started_at": job.submitted_at, "finished_at": job.submitted_at, "time_spent": 1, "error": "e"}
        Attempt.objects.bulk_create(Attempt(job=job, number=number, **at) for number in range(1, 41))
        text = shown(page, "/jobs/j1/")
        assert "20 earlier attempts failed" in text
        assert "Attempt 21 failed" in text
        assert "Attempt 20 failed" not in text


class TestRunAgain:
    @pytest.fixture(autouse=True)
    def first(self, ada: Any) -> None:
        owner = Owner.objects.of_user(ada)
        submit(owner, [parse({"job_id": "sum-09", "duration": 2.5, "task": "checksum", "payload": {"path": "a.txt"}})])

    def fields(self, page: Client) -> dict[str, str]:
        """What the form has."""
        text = shown(page, "/jobs/sum-09/")
        form = text.partition('data-testid="again"')[2]
        found = {
            name: unescape(value) for name, value in re.findall(r'<input [^>]*name="(\w+)"[^>]*value="([^"]*)"', form)
        }
        payload = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", form, re.DOTALL)
        task = re.search(r"<option selected>(\w+)</option>", form)
        assert payload is not None
        assert task is not None
        return {**found, "payload": unescape(payload[1]), "task": task[1], "do": "run"}

    def test_the_form_has_the_job_and_submits_another_with_what_was_changed(self, page: Client) -> None:
        fields = self.fields(page)
        assert (fields["job_id"], fields["duration"], fields["task"]) == ("sum-10", "2.5", "checksum")
        assert json.loads(fields["payload"]) == {"path": "a.txt"}
        answer = page.post("/jobs/sum-09/", fields | {"payload": '{"path": "b.txt"}'})
        assert answer.headers["Location"] == "/jobs/sum-10/"
        assert Job.objects.get(name="sum-10").payload == {"path": "b.txt"}
        assert self.fields(page)["job_id"] == "sum-11"

    @pytest.mark.parametrize(
        ("changed", "field", "message"),
        [
            ({"payload": "{path}"}, "payload", "is not JSON"),
            ({"payload": "[" * 100_000}, "payload", "nested"),
            ({"payload": '{"a": ' * 60 + "1" + "}" * 60}, "payload", "nested"),
            ({"payload": "[1]"}, "payload", "dictionary"),
            ({"payload": '{"wrong": 1}'}, "payload", "(path)"),
            ({"payload": '{"path": "\\ud800"}'}, "payload", "Unicode"),
            ({"payload": '{"path": NaN}'}, "payload", ""),
            ({"duration": "soon"}, "duration", "give a number"),
            ({"duration": "1e999"}, "duration", ""),
            ({"duration": "-1"}, "duration", "must be at least"),
            ({"job_id": "sum-09"}, "job-id", "another job of yours"),
            ({"job_id": "cancel"}, "job-id", "reserved"),
            ({"job_id": " "}, "job-id", "a name of its own"),
            ({"task": "none"}, "task", "no such task"),
        ],
    )
    def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(
        self, page: Client, changed: dict[str, str], field: str, message: str
    ) -> None:
        fields = self.fields(page) | {"duration": "7.5"} | changed
        answer = page.post("/jobs/sum-09/", fields)
        text = unescape(answer.content.decode())
        assert answer.status_code == 400
        said = re.search(rf'<p class="error" id="{field}-error">([^\n]+)</p>', text)
        assert said is not None
        assert message in said[1]
        assert f'value="{fields["duration"]}"' in text
        assert fields["payload"] in text
        assert Job.objects.count() == 1

    def test_the_largest_payload_there_may_be_is_sent_back_unchanged(self, ada: Any, page: Client) -> None:
        values: list[Any] = [[] for _ in range(16_000)]
        payload = {"path": "a", "b": values}
        Job.objects.filter(name="sum-09").update(payload=payload)
        fields = self.fields(page)
        assert json.loads(fields["payload"]) == payload
        assert len(urlencode(fields)) < queue_settings().MAX_BODY_BYTES

    def test_one_that_would_change_nothing_is_refused_too(self, page: Client) -> None:
        fields = self.fields(page)
        page.post("/jobs/sum-09/", fields)
        answer = page.post("/jobs/sum-09/", fields)
        assert answer.status_code == 400
        assert "another job of yours" in answer.content.decode()
