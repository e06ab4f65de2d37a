"""The console's pages, as the server renders them: their figures, what needs attention, and who may do what."""

from __future__ import annotations

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.db import connection
from django.test import Client

from queueapp.lifecycle.outcome import JobOutcome
from queueapp.lifecycle.pause import pause
from queueapp.lifecycle.processors import register
from queueapp.lifecycle.submit import submit
from queueapp.lifecycle.turn import take_turn
from queueapp.lifecycle.validation import parse
from queueapp.models import Fleet, Job, Outcome, Owner, Pause, Processor, database_now
from queueapp.snapshots.console import failures, owners, present
from queueapp.snapshots.console.failures import normalised
from queueapp.snapshots.measures import measures
from queueapp.staff import kept
from queueapp.states import Status
from tests.kit.queue import everyone_takes_turns, make_owner, make_user, rows_read, run_all, submit_jobs
from tests.kit.totals import count_all

pytestmark = pytest.mark.django_db

PAGES = ("", "failures/", "processors/", "flows/", "decisions/", "database/")
LARGE = ("queueapp_job", "queueapp_waiting", "queueapp_outcome", "queueapp_attempt")
"""The tables that grow with the jobs."""


@pytest.fixture(autouse=True)
def read_anew() -> None:
    """What another test read is not kept."""
    kept.forget()


def browser(name: str, *permissions: str, **fields: Any) -> Client:
    """The browser of a member of staff with these permissions."""
    user = make_user(name, is_staff=True, **fields)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def boss() -> Client:
    """The browser of somebody who may act in the console, and no more."""
    return browser("boss", "operate")


def test_a_job_that_was_submitted_long_before_its_moment_has_not_waited_since() -> None:
    everyone_takes_turns()
    submit_jobs(make_owner("ada"), "due")
    now = database_now()
    Job.objects.update(submitted_at=now - timedelta(days=9), run_at=now - timedelta(seconds=5))
    found, (flow,) = present.backlog(), present.waiting_flows()
    assert found.oldest is not None
    assert flow.oldest is not None
    assert 5 <= found.oldest <= flow.oldest < 600


def shown(client: Client, address: str = "", status: int = 200) -> str:
    """The page of the console at this address, as it is now."""
    kept.forget()
    answer = client.get(f"/staff/{address}")
    assert answer.status_code == status
    return answer.content.decode()


def figures(page: str) -> dict[str, str]:
    """The figures of the tiles."""
    return dict(re.findall(r'<dd data-figure="(\w+)">([^<]*)</dd>', page))


def row(page: str, name: str) -> list[str]:
    """The cells of a row of the tables by task and by flow."""
    found = re.search(rf'<tr data-row="{name}">(.*?)</tr>', page, re.DOTALL)
    assert found is not None
    return re.findall(r"<td[^>]*>([^<]*)</td>", found[1])


def end(status: Status, spent: float = 0.5, **fields: Any) -> None:
    """Let a processor run the next turn, and end its jobs like this."""
    processor = register("c")
    turn = take_turn(processor.pk)
    now = time.monotonic()
    ended = [JobOutcome(job.id, job.owner, status, job.attempt, spent, now, **fields) for job in turn.jobs]
    take_turn(processor.pk, turn.number, ended, now=now, more=False)


def fail(owner: Owner, name: str, error: str) -> None:
    """That a job of this owner was run, and failed so."""
    submit(owner, [parse({"job_id": name, "duration": 0.5})])
    end(Status.FAILED, error=error)


class TestFigures:
    def test_they_are_those_of_the_queue_the_api_and_the_metrics(self, boss: Client) -> None:
        everyone_takes_turns()
        ada, bob = make_owner("ada"), make_owner("bob")
        fail(bob, "b1", "no luck")
        submit_jobs(ada, "a1", "a2", "a3", duration=0.5)
        run_all(register("c").pk)
        submit_jobs(bob, *[f"w{n}" for n in range(4)])
        submit(bob, [parse({"job_id": "later", "duration": 1, "run_at": "2100-01-01T00:00:00Z"})])
        take_turn(register("c").pk)
        Processor.objects.filter(job=None).delete()
        count_all()
        page = shown(boss, "?span=5min")
        told, found = figures(page), measures()
        api = Client()
        api.force_login(bob.user)  # type: ignore[arg-type]  # it has one
        queue = api.get("/api/v1/queue/").json()
        assert told["waiting"] == str(found.queued) == str(queue["waiting_count"]) == "4"
        assert "1 not due or paused" in page
        assert found.not_due == 1
        assert told["busy"] == f"{found.busy} of {found.alive}" == "1 of 1"
        assert told["oldest"].endswith("ms") or told["oldest"].endswith(" s")
        assert (told["ended"], told["failed"]) == (str(Outcome.objects.count()), "1") == ("4", "1")
        flows = shown(boss, "flows/?span=5min")
        assert row(flows, "ada")[:3] == ["3", "0", "1.5 s"]
        assert row(flows, "bob")[:2] == ["1", "1"]
        assert row(flows, "wait")[:2] == ["4", "1"]

    def test_a_page_reads_no_more_rows_of_a_deep_queue(self, boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        everyone_takes_turns()
        ada = make_owner("ada")
        submit_jobs(ada, "first")
        fail(ada, "failed", "no luck")
        submit_jobs(ada, "waits")
        many = 5_000
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO queueapp_job (owner_id, name, task, payload, duration, submitted_at)"
                " SELECT %s, 'x' || n, 'wait', '{}', 1, now() FROM generate_series(1, %s) AS n", [ada.pk, 3 * many],
            )  # fmt: skip
            cursor.execute(
                "INSERT INTO queueapp_waiting (owner_id, job_id, flow_id, expected, attempt)"
                " SELECT owner_id, id, (SELECT flow_id FROM queueapp_waiting LIMIT 1), 1, 1 FROM queueapp_job"
                "  WHERE name LIKE 'x%%' ORDER BY id LIMIT %s", [many],
            )  # fmt: skip
            cursor.execute(
                "INSERT INTO queueapp_outcome (job_id, owner_id, number, status, attempt, finished_at, time_spent,"
                " progress, message, error) SELECT id, owner_id, id, 'failed', 1, now(), 1, 1, '', '' FROM"
                " queueapp_job WHERE name LIKE 'x%%' ORDER BY id DESC LIMIT %s", [many],
            )  # fmt: skip
            cursor.execute(
                "INSERT INTO queueapp_attempt (job_id, number, started_at, finished_at, time_spent, error)"
                " SELECT job_id, 1, now(), now(), 1, 'error ' || job_id FROM queueapp_outcome"
                " WHERE job_id NOT IN (SELECT job_id FROM queueapp_attempt)"
            )
            cursor.execute("SELECT setval('queueapp_outcome_number', max(number)) FROM queueapp_outcome")
            # Other tests may have left statistics of empty tables of jobs, or of very many processors and users.
            cursor.execute("ANALYZE")
        monkeypatch.setattr(present, "MAX_COUNTED", 100)
        monkeypatch.setattr(present, "MAX_OF_FLOW", 50)
        monkeypatch.setattr(failures, "MAX_READ", 100)
        monkeypatch.setattr(owners, "MAX_READ", 100)
        for page in PAGES:
            before = rows_read(*LARGE)
            text = shown(boss, page)
            # The newest outcomes are found by a BRIN index: all of a range of blocks are looked at.
            assert rows_read(*LARGE) - before < 1_500 + (many if page == "flows/" else 0), page
        assert "50+" in shown(boss, "flows/")
        assert "Only the newest" in text or "Only the newest" in shown(boss, "failures/")

    def test_ten_consoles_cost_no_more_than_one(self, boss: Client) -> None:
        shown(boss)
        with_all = _queries(boss)
        assert with_all < 8, "the user, the session, the permissions and the rate limit"

    def test_those_who_ask_at_once_wait_for_one_read(self) -> None:
        reads: list[int] = []
        both_ask = threading.Barrier(2)

        def read() -> int:
            reads.append(1)
            return len(reads)

        def ask() -> int:
            both_ask.wait()
            return kept.kept("figures", read)

        with ThreadPoolExecutor(2) as threads:
            assert [one.result() for one in [threads.submit(ask), threads.submit(ask)]] == [1, 1]

    def test_what_was_read_while_something_was_changed_is_not_kept(self) -> None:
        def read() -> str:
            kept.forget()  # another thread has done what an operator asked for, and its page is read next
            return "as it was"

        assert kept.kept("figures", read) == "as it was"
        assert kept.kept("figures", lambda: "as it is") == "as it is"

    def test_an_error_is_not_kept(self) -> None:
        def fails() -> int:
            raise ValueError("away")

        with pytest.raises(ValueError, match="away"):
            kept.kept("figures", fails)
        assert kept.kept("figures", lambda: 7) == 7

    def test_a_span_that_is_not_known_is_an_hour(self, boss: Client) -> None:
        assert re.search(r'href="\?span=hour" aria-current', shown(boss, "?span=century"))


def _queries(client: Client) -> int:
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as asked:
        assert client.get("/staff/").status_code == 200
    return len(asked)


class TestAttention:
    def test_what_stops_all_work_comes_first(self, boss: Client) -> None:
        everyone_takes_turns()
        ada = make_owner("ada")
        assert "Work flows." in shown(boss) or "No processor" in shown(boss)
        submit_jobs(ada, "a1")
        register("c")
        pause("the disk is being replaced", task="checksum")
        pause("a fire", by=None)
        told = re.findall(r"<li[^>]*><span>([^<]*)</span><a", shown(boss))
        assert told[:2] == ["Everything is paused: a fire", "The task checksum is paused: the disk is being replaced"]

    def test_a_silent_processor_and_a_job_that_runs_on_and_on_are_named(self, boss: Client) -> None:
        everyone_takes_turns()
        submit_jobs(make_owner("ada"), "stuck", duration=1)
        processor = register("c")
        take_turn(processor.pk)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE queueapp_processor SET job_started_at = now() - interval '1 hour'")
        page = shown(boss)
        assert "1 running job may be stuck" in page
        Processor.objects.update(lease_until="2000-01-01T00:00:00Z")
        assert "1 processor is silent" in shown(boss)


class TestFailures:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("No file 'a.txt' (13 tries)", 'No file "b.txt" (2 tries)'),
            ("job 5f2b1c9e-1111-4222-8333-abcdefabcdef is gone", "job 00000000-aaaa-4bbb-8ccc-dddddddddddd is gone"),
            ("at 0x7f3a2b by 10.0.0.1:5432", "at 0x1 by 10.0.0.22:80"),
            ("digest 9f86d081884c7d659a2f is wrong", "digest 60303ae22b998861bce3 is wrong"),
        ],
    )
    def test_errors_that_differ_in_texts_ids_and_numbers_are_one(self, one: str, other: str) -> None:
        assert normalised(one) == normalised(other)

    def test_words_are_never_taken_for_ids(self) -> None:
        assert normalised("decade facade deadbeef effaced") == "decade facade deadbeef effaced"

    def test_they_are_counted_by_error_with_examples_and_tried_again_together(self, boss: Client) -> None:
        everyone_takes_turns()
        ada, bob = make_owner("ada"), make_owner("bob")
        for n in range(3):
            fail(ada, f"a{n}", f"No route to host {n}")
        fail(bob, "b0", "No route to host 7\nsecond line")
        fail(bob, "other", "<b>another</b>")
        page = shown(boss, "failures/?span=5min")
        assert re.findall(r'staff-many">(\d+)<', page) == ["4", "1"]
        assert "No route to host N" in page
        assert "2 owners, 4 jobs" in page
        assert "&lt;b&gt;another" in page
        (again, *_) = [unescape(href) for href in re.findall(r'href="([^"]*retry-group[^"]*)"', page)]
        asked = boss.get(again)
        assert "4 jobs of 2 owners" in asked.content.decode()
        assert Outcome.objects.count() == 5, "to ask changes nothing"
        what, span = re.findall(r"what=(\w+)&span=(\w+)", again)[0]
        answer = boss.post("/staff/act/retry-group/", {"what": what, "span": span, "reason": "the route is back"})
        assert answer.status_code == 302
        assert list(Outcome.objects.values_list("job__name", flat=True)) == ["other"]
        noted = [(entry.user.get_username(), entry.change_message) for entry in LogEntry.objects.all()]
        assert [by for by, _ in noted] == ["boss", "boss"]
        assert all("the route is back" in words for _, words in noted)


class TestActions:
    def test_a_running_job_is_stopped_and_an_ended_one_is_not(self, boss: Client) -> None:
        everyone_takes_turns()
        submit_jobs(make_owner("ada"), "runs")
        processor = register("c")
        take_turn(processor.pk)
        job = Job.objects.get()
        assert f"stop/?what={job.pk}" in shown(boss, "processors/")
        assert "The job runs of ada" in boss.get(f"/staff/act/stop/?what={job.pk}").content.decode()
        said = boss.post("/staff/act/stop/", {"what": job.pk, "reason": "it eats memory"}, follow=True)
        assert "The job runs was asked to stop." in said.content.decode()
        assert Processor.objects.get().cancelling
        assert LogEntry.objects.get().change_message == "Stopped in the console: it eats memory"
        assert "it eats memory" in shown(boss, "decisions/")

    def test_a_drained_processor_takes_no_new_turn(self, boss: Client) -> None:
        everyone_takes_turns()
        submit_jobs(make_owner("ada"), "runs", "waits")
        processor = register("c")
        turn = take_turn(processor.pk)
        boss.post("/staff/act/drain/", {"what": processor.pk, "reason": "it leaks"})
        assert "draining" in shown(boss, "processors/")
        ended = [JobOutcome(job.id, job.owner, Status.SUCCEEDED, 1, 0.1, 0.0) for job in turn.jobs]
        after = take_turn(processor.pk, turn.number, ended, now=0.0, more=True)
        assert (after.jobs, after.retire) == ([], True)
        assert Outcome.objects.get().status == Status.SUCCEEDED, "its job ran to its end"
        other = take_turn(register("c").pk)
        assert [job.name for job in other.jobs] == ["waits"]

    def test_the_bounds_of_the_fleet(self, boss: Client) -> None:
        wrong = boss.post("/staff/act/fleet/", {"minimum": 5, "maximum": 2, "reason": "more"})
        assert wrong.status_code == 409
        assert "must not be below the minimum" in wrong.content.decode()
        assert 'value="5"' in wrong.content.decode(), "what was typed is not lost"
        boss.post("/staff/act/fleet/", {"minimum": 2, "maximum": 5, "target_wait": "30", "reason": "the month's end"})
        fleet = Fleet.objects.get()
        assert (fleet.minimum, fleet.maximum, fleet.target_wait, fleet.dry_run) == (2, 5, 30.0, False)
        assert "the month's end" in LogEntry.objects.get().change_message

    @pytest.mark.parametrize("what", [{"user": "ada"}, {"key": "team"}, {"task": "checksum"}, {"everything": "on"}])
    def test_pause_and_resume(self, boss: Client, what: dict[str, str]) -> None:
        make_owner("ada")
        Owner.objects.of_key("team")
        boss.post("/staff/act/pause/", {**what, "reason": "the disk"})
        paused = Pause.objects.get()
        assert (paused.reason, paused.by.get_username() if paused.by else "") == ("the disk", "boss")
        again = boss.post("/staff/act/pause/", {**what, "reason": "the disk"})
        assert again.status_code == 409
        assert f"resume/?what={paused.pk}" in shown(boss, "flows/")
        boss.post("/staff/act/resume/", {"what": paused.pk, "reason": "replaced"})
        assert not Pause.objects.exists()
        words = [entry.change_message for entry in LogEntry.objects.order_by("pk")]
        assert words == ["Paused in the console: the disk", "Resumed in the console: replaced"]

    @pytest.mark.parametrize(
        ("name", "data", "said"),
        [
            ("pause", {}, "Choose one of them"),
            ("pause", {"user": "ada", "task": "wait"}, "Choose one of them"),
            ("pause", {"user": "nobody"}, "no active user of this name"),
            ("pause", {"key": "nobody"}, "No job has this key"),
            ("retry", {}, "Name a user or a key."),
            ("retry", {"user": "ada", "prefix": "a/b"}, "Job id begins with"),
            ("fleet", {"minimum": "many"}, "Enter a whole number"),
        ],
    )
    def test_a_wrong_form_says_what_is_wrong(self, boss: Client, name: str, data: dict[str, str], said: str) -> None:
        make_owner("ada")
        answer = boss.post(f"/staff/act/{name}/", {**data, "reason": "because"})
        assert answer.status_code == 400
        assert said in answer.content.decode()
        assert not LogEntry.objects.exists()

    def test_nothing_is_done_without_a_reason(self, boss: Client) -> None:
        make_owner("ada")
        assert boss.post("/staff/act/pause/", {"user": "ada"}).status_code == 400
        assert not Pause.objects.exists()

    def test_jobs_that_match_are_tried_again(self, boss: Client) -> None:
        everyone_takes_turns()
        ada = make_owner("ada")
        for name in ("x1", "x2", "y1"):
            fail(ada, name, "no luck")
        asked = boss.get("/staff/act/retry/?user=ada&prefix=x").content.decode()
        assert 'value="x"' in asked
        boss.post("/staff/act/retry/", {"user": "ada", "prefix": "x", "status": "failed", "reason": "fixed"})
        assert list(Outcome.objects.values_list("job__name", flat=True)) == ["y1"]


class TestRoles:
    def test_a_viewer_looks_and_cannot_act(self) -> None:
        make_owner("ada")
        viewer = browser("viewer", "view_console")
        for page in PAGES:
            text = shown(viewer, page)
            assert "/staff/act/" not in text
        answer = viewer.post("/staff/act/pause/", {"user": "ada", "reason": "no"})
        assert answer.status_code == 403
        assert "you may look" in answer.content.decode()
        assert not Pause.objects.exists()

    def test_nothing_is_done_for_a_page_of_another_site(self, boss: Client) -> None:
        make_owner("ada")
        forged = Client(enforce_csrf_checks=True)
        forged.cookies = boss.cookies
        assert forged.post("/staff/act/pause/", {"user": "ada", "reason": "no"}).status_code == 403
        assert not Pause.objects.exists()

    @pytest.mark.site
    def test_the_admin_leads_to_the_console(self) -> None:
        assert 'href="/staff/"' in browser("viewer", "view_console").get("/admin/").content.decode()
        assert 'href="/staff/"' not in browser("clerk").get("/admin/").content.decode()

    def test_others_get_a_sentence(self) -> None:
        clerk = browser("clerk")
        assert "for staff who may see the operations console" in shown(clerk, "", 403)
        one = make_user("not-staff")
        one.user_permissions.set(Permission.objects.filter(codename="operate"))
        client = Client()
        client.force_login(one)
        shown(client, "", 403)

    def test_the_command_makes_the_two_groups_once(self) -> None:
        for _ in range(2):
            call_command("console_groups", verbosity=0)
        found = {group.name: {one.codename for one in group.permissions.all()} for group in Group.objects.all()}
        assert found == {"Queue operators": {"operate", "view_console"}, "Queue viewers": {"view_console"}}
