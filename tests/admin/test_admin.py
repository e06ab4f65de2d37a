"""The admin: rules take effect, jobs are found and cancelled, and a longer list costs no more queries."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.contrib.messages import get_messages
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from jobsite.accounts.models import User
from queueapp.admin import base, formatting
from queueapp.admin.jobs import actions
from queueapp.lifecycle.outcome import JobOutcome
from queueapp.lifecycle.processors import register
from queueapp.lifecycle.route import reroute
from queueapp.lifecycle.submit import submit
from queueapp.lifecycle.turn import Turn, take_turn
from queueapp.lifecycle.validation import parse
from queueapp.models import Flow, Job, Outcome, Owner, PriorityRule, Processor, Waiting
from queueapp.policy.rules import Terms
from queueapp.states import Status

pytestmark = pytest.mark.django_db(transaction=True)

READ_ONLY = ("job", "flow", "processor")
LISTS = (*READ_ONLY, "owner", "priorityrule", "user")


@pytest.fixture(autouse=True)
def everyone_takes_turns() -> None:
    """The rule that a site starts with, and no other."""
    PriorityRule.objects.all().delete()
    PriorityRule.objects.create(name="Everyone takes turns", position=1000)


@pytest.fixture
def boss(client: Client) -> Client:
    """The browser of a superuser."""
    client.force_login(User.objects.create_superuser("boss"))
    return client


def staff(client: Client, *permissions: str) -> Client:
    """The browser of a member of staff who has these permissions only."""
    user = User.objects.create_user("clerk", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return client


def user(name: str) -> User:
    return User.objects.get_or_create(username=name)[0]


def submitted(whose: User, *names: str, seconds: float = 5.0) -> list[Job]:
    owner = Owner.objects.of_user(whose)
    submit(owner, [parse({"job_id": name, "duration": seconds}) for name in names])
    return [Job.objects.get(owner=owner, name=name) for name in names]


def claimed() -> tuple[Processor, Turn]:
    processor = register("cluster-1")
    return processor, take_turn(processor.pk)


def settled(status: Status, *, result: str | None = None, error: str = "") -> None:
    """Let a processor run the next job to its end."""
    processor, turn = claimed()
    job = turn.jobs[0]
    outcome = JobOutcome(job.id, job.owner, status, 1, 2.5, 0.0, 1.0, "done so far", result, error)
    take_turn(processor.pk, turn.number, [outcome], more=False)


def list_of(model: str) -> str:
    return reverse(f"admin:{'accounts' if model == 'user' else 'queueapp'}_{model}_changelist")


def page_of(thing: Model) -> str:
    return reverse(f"admin:{thing._meta.app_label}_{thing._meta.model_name}_change", args=[thing.pk])


def found(client: Client, **query: str) -> list[str]:
    """The ids of the jobs that the list shows."""
    response = client.get(list_of("job"), query)
    assert response.status_code == 200
    return [job.name for job in response.context["cl"].result_list]


def act_on(client: Client, action: str, *jobs: Job, everything: bool = False) -> list[str]:
    """What the admin says to an action on jobs."""
    chosen = {"action": action, "_selected_action": [job.pk for job in jobs]}
    response = client.post(list_of("job"), chosen | ({"select_across": "1"} if everything else {}))
    return said(response)


def cancel_selected(client: Client, *jobs: Job, everything: bool = False) -> list[str]:
    """What the admin says to it."""
    return act_on(client, "cancel_selected", *jobs, everything=everything)


def said(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def rule_form(rule: PriorityRule, **changes: object) -> dict[str, object]:
    fields = {"name": rule.name, "position": rule.position, "weight": rule.weight, "sharing": rule.sharing}
    return fields | {"active": "on"} | changes


# Who may do what


@pytest.mark.parametrize("model", LISTS)
def test_who_is_not_staff_is_sent_to_the_login(client: Client, model: str) -> None:
    client.force_login(user("anna"))
    response = client.get(list_of(model))
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("admin:login"))


@pytest.mark.parametrize("model", LISTS)
def test_staff_see_only_what_they_may(client: Client, model: str) -> None:
    clerk = staff(client, "view_job")
    assert clerk.get(list_of(model)).status_code == (200 if model == "job" else 403)


@pytest.mark.parametrize("model", READ_ONLY)
def test_what_the_queue_writes_is_only_looked_at(boss: Client, model: str) -> None:
    (job,) = submitted(user("anna"), "report")
    processor, _ = claimed()
    thing = {"job": job, "flow": Flow.objects.get(owner__user__username="anna"), "processor": processor}[model]
    assert boss.get(page_of(thing)).status_code == 200
    assert boss.post(page_of(thing), {}).status_code == 403
    assert boss.get(reverse(f"admin:queueapp_{model}_add")).status_code == 403
    assert boss.get(reverse(f"admin:queueapp_{model}_delete", args=[thing.pk])).status_code == 403
    assert "delete_selected" not in boss.get(list_of(model)).content.decode()


def test_the_site_is_called_turnabout(boss: Client) -> None:
    page = boss.get(reverse("admin:index")).content.decode()
    assert page.count("Turnabout") >= 3
    assert 'href="/admin/queueapp/flow/shares/"' in page
    assert admin.site.site_title == "Turnabout"


# Rules


def test_a_rule_that_is_edited_takes_effect_on_jobs_that_wait(boss: Client) -> None:
    anna, ben = user("anna"), user("ben")
    rule = PriorityRule.objects.create(name="Premium", position=10)
    rule.users.add(ben)
    submitted(anna, "a1", "a2")
    submitted(ben, "b1")
    changes = {"weight": 3, "cap": 2, "users": [anna.pk]}
    response = boss.post(page_of(rule), rule_form(rule, **changes))
    assert response.status_code == 302
    flow = flow_of_job("a2")
    assert (flow.rule, flow.owner, flow.state.terms) == (rule, Owner.objects.of_user(anna), Terms(3.0, 2))
    assert flow_of_job("b1").rule != rule


def flow_of_job(job_id: str) -> Flow:
    """The flow that a waiting job is in."""
    flow = Waiting.objects.get(job__name=job_id).flow
    assert flow is not None
    return flow


def test_a_rule_that_is_switched_in_the_list_takes_effect_on_jobs_that_wait(boss: Client) -> None:
    rule = PriorityRule.objects.get()
    submitted(user("anna"), "a1")
    page = boss.get(list_of("priorityrule")).content.decode()
    assert "strictly in the order in which they submitted" in page
    form = {"form-TOTAL_FORMS": 1, "form-INITIAL_FORMS": 1, "form-0-id": rule.pk, "form-0-position": 7}
    assert boss.post(list_of("priorityrule"), form | {"_save": "Save"}).status_code == 302
    rule.refresh_from_db()
    assert (rule.position, rule.active) == (7, False)
    assert flow_of_job("a1").key == "common"


def test_the_list_says_whom_a_rule_covers_and_when_it_holds(boss: Client) -> None:
    rule = PriorityRule.objects.create(name="Premium", position=1, cap=4, valid_from=timezone.now())
    rule.users.set([user("anna"), user("ben")])
    rule.groups.set([Group.objects.create(name="lab")])
    page = boss.get(list_of("priorityrule")).content.decode()
    for text in (
        "2 users, 1 group",
        "everyone",
        "at most 4",
        f"from {formatting.moment(rule.valid_from)}",
        "always",
    ):
        assert f">{text}<" in page


def test_a_rule_that_makes_others_useless_is_pointed_out(boss: Client) -> None:
    rule = PriorityRule.objects.create(name="Oops", position=1)
    (warning,) = [text for text in said(boss.post(page_of(rule), rule_form(rule))) if "no effect" in text]
    assert "Everyone takes turns" in warning


def test_a_wrong_rule_is_refused_beside_the_field(boss: Client) -> None:
    rule = PriorityRule.objects.get()
    page = boss.post(page_of(rule), rule_form(rule, weight=11)).content.decode()
    assert "less than or equal to 10" in page


def test_who_may_not_view_users_still_chooses_them(client: Client) -> None:
    user("anna")
    page = staff(client, "change_priorityrule").get(page_of(PriorityRule.objects.get())).content.decode()
    assert "admin-autocomplete" not in page
    assert ">anna<" in page


# Users and groups


def test_a_user_shows_the_flow(boss: Client) -> None:
    anna = user("anna")
    submitted(anna, "report")
    link = page_of(Flow.objects.get(owner__user=anna))
    assert link in boss.get(page_of(anna)).content.decode()
    assert link in boss.get(list_of("user")).content.decode()
    assert link in boss.get(page_of(Owner.objects.get())).content.decode()


def test_a_user_with_jobs_stays_and_one_without_can_go(boss: Client) -> None:
    anna, ben = user("anna"), user("ben")
    submitted(anna, "report")
    idle = Owner.objects.of_user(ben)
    PriorityRule.objects.create(name="Everyone alone")
    reroute()
    assert Flow.objects.filter(owner=idle).exists()
    for person in (anna, ben):
        boss.post(reverse("admin:accounts_user_delete", args=[person.pk]), {"post": "yes"})
    assert set(User.objects.filter(username__in=["anna", "ben"])) == {anna}
    assert not Flow.objects.filter(key=f"owner:{idle.pk}").exists()


def test_nobody_goes_whose_going_makes_a_rule_cover_everyone(boss: Client) -> None:
    anna, lab = user("anna"), Group.objects.create(name="lab")
    for name in ("Anna first", "Lab first"):
        PriorityRule.objects.create(name=name)
    PriorityRule.objects.get(name="Anna first").users.add(anna)
    PriorityRule.objects.get(name="Lab first").groups.add(lab)
    for where in ("accounts_user", "auth_group"):
        thing = anna if where == "accounts_user" else lab
        page = boss.post(reverse(f"admin:{where}_delete", args=[thing.pk]), {"post": "yes"})
        assert "would then cover everyone" in page.content.decode()
    assert User.objects.filter(pk=anna.pk).exists()
    assert Group.objects.filter(pk=lab.pk).exists()


# Jobs


def test_the_list_of_jobs_shows_errors_counts_of_states_and_a_span(boss: Client) -> None:
    submitted(user("anna"), "report")
    settled(Status.FAILED, error=f"no room on <disk> {'x' * 100}\nTraceback")
    Job.objects.update(submitted_at=timezone.now() - timedelta(days=3))
    submitted(user("anna"), "waits")
    page = boss.get(list_of("job")).content.decode()
    assert f"no room on &lt;disk&gt; {'x' * 62}…" in page
    assert "Traceback" not in page
    for counted in ("queued (1)", "running (0)", "failed (1)", "cancelled (0)"):
        assert counted in page
    assert found(boss, submitted="day") == ["waits"]
    assert found(boss, submitted="week") == ["waits", "report"]
    assert found(boss, submitted="century") == ["waits", "report"]


def test_jobs_are_found_by_state_and_task(boss: Client) -> None:
    submitted(user("anna"), "failed")
    settled(Status.FAILED)
    submitted(user("anna"), "succeeded")
    settled(Status.SUCCEEDED)
    submitted(user("anna"), "running")
    claimed()
    submitted(user("anna"), "queued")
    for status in ("queued", "running", "succeeded", "failed"):
        assert found(boss, status=status) == [status]
    assert found(boss, status="cancelled") == []
    assert found(boss, status="nonsense") == found(boss, task="wait") == ["queued", "running", "succeeded", "failed"]
    assert found(boss, task="checksum") == []


def test_jobs_are_found_by_owner_and_by_how_their_id_begins(boss: Client) -> None:
    submitted(user("anna"), "report-1", "report-2", "x-report-3")
    submitted(user("ben"), "report-1", "anna")
    assert found(boss, q="report-1") == ["report-1", "report-1"]
    assert found(boss, q="report") == ["report-1", "report-2", "report-1"]
    assert found(boss, q="anna") == ["x-report-3", "report-2", "report-1"], "hers, rather than what is called so"
    assert found(boss, q="ben anna") == []
    assert found(boss, q="ben ann") == ["anna"]
    assert found(boss, q="anna report-1") == found(boss, q="report-1 anna") == ["report-1"]
    assert found(boss, q="Anna") == found(boss, q="report%") == found(boss, q="eport") == []


def test_a_job_shows_everything(boss: Client) -> None:
    (job,) = submitted(user("anna"), "report")
    assert "waits for attempt 1" in boss.get(page_of(job)).content.decode()
    processor, turn = claimed()
    page = boss.get(page_of(job)).content.decode()
    assert "running" in page
    assert page_of(processor) in page
    outcome = JobOutcome(job.pk, job.owner_id, Status.FAILED, 1, 2.5, 0.0, 0.5, "half", '{"n": [1]}', "<b>boom</b>")
    take_turn(processor.pk, turn.number, [outcome], more=False)
    page = boss.get(page_of(job)).content.decode()
    for text in (
        "failed",
        formatting.seconds(2.5),
        "50 %",
        "half",
        "&lt;b&gt;boom&lt;/b&gt;",
        "{\n  &quot;n&quot;: [",
    ):
        assert text in page


def test_waiting_jobs_are_cancelled_running_ones_stopped_and_others_left_alone(boss: Client) -> None:
    done, running, waiting = submitted(user("anna"), "done", "running", "waiting")
    settled(Status.SUCCEEDED)
    processor, _ = claimed()
    assert cancel_selected(boss, done, running, waiting)[-3:] == [
        "1 job was asked to stop.",
        "1 job was cancelled.",
        "1 job was left alone: only a job that waits or runs can be cancelled.",
    ]
    processor.refresh_from_db()
    assert (processor.job, processor.cancelling) == (running, True)
    assert Outcome.objects.get(status=Status.CANCELLED).job == waiting
    entries = {(entry.object_id, entry.get_change_message()) for entry in LogEntry.objects.all()}
    assert entries == {(str(running.pk), "Asked to stop."), (str(waiting.pk), "Cancelled.")}


def test_a_job_is_stopped_from_its_page_by_who_may(boss: Client) -> None:
    (job,) = submitted(user("anna"), "report")
    assert "Cancel this job" in boss.get(page_of(job)).content.decode()
    processor, _ = claimed()
    assert "Stop this job" in boss.get(page_of(job)).content.decode()
    sent = {"action": "cancel_selected", "_selected_action": job.pk, "page_of": job.pk}
    answer = boss.post(list_of("job"), sent)
    assert answer["Location"] == page_of(job)
    assert said(answer) == ["1 job was asked to stop."]
    processor.refresh_from_db()
    assert processor.cancelling
    assert "Stop this job" not in staff(Client(), "view_job").get(page_of(job)).content.decode()


def test_a_job_shows_its_attempts_with_what_they_printed(boss: Client) -> None:
    (job,) = submitted(user("anna"), "report")
    processor, turn = claimed()
    wrong = JobOutcome(job.pk, job.owner_id, Status.FAILED, 1, 2.5, 0.0, error="no luck", log="<i>loud</i>\nTraceback")
    take_turn(processor.pk, turn.number, [wrong], more=False)
    page = boss.get(page_of(job)).content.decode()
    for text in ("Attempt 1: ", formatting.seconds(2.5) + " spent", "no luck", "&lt;i&gt;loud&lt;/i&gt;\nTraceback"):
        assert text in page
    assert "<i>loud" not in page
    assert page.count("&lt;i&gt;loud") == 1, "told once"
    assert "Try this job again" in page


def test_a_job_that_succeeded_shows_what_it_printed(boss: Client) -> None:
    (job,) = submitted(user("anna"), "report")
    processor, turn = claimed()
    well = JobOutcome(job.pk, job.owner_id, Status.SUCCEEDED, 1, 2.5, 0.0, log="<i>all well</i>")
    take_turn(processor.pk, turn.number, [well], more=False)
    assert '<pre class="scrolls" tabindex="0">&lt;i&gt;all well' in boss.get(page_of(job)).content.decode()


def test_only_so_many_jobs_are_cancelled_at_a_time(boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "MAX_JOBS", 2)
    jobs = submitted(user("anna"), "a", "b", "c")
    first, second = cancel_selected(boss, jobs[2], everything=True)
    assert first == "2 jobs were cancelled."
    assert second.startswith("Only 2 are cancelled at a time")
    assert Waiting.objects.get().job == jobs[2]


def test_who_may_only_view_jobs_cannot_cancel(client: Client) -> None:
    (job,) = submitted(user("anna"), "report")
    clerk = staff(client, "view_job")
    assert "cancel_selected" not in clerk.get(list_of("job")).content.decode()
    cancel_selected(clerk, job)
    assert Waiting.objects.filter(job=job).exists()


def test_who_may_change_jobs_can_cancel(client: Client) -> None:
    (job,) = submitted(user("anna"), "report")
    assert cancel_selected(staff(client, "change_job"), job) == ["1 job was cancelled."]


def test_failed_and_cancelled_jobs_are_tried_again_in_bulk(boss: Client) -> None:
    failed, cancelled, done = submitted(user("anna"), "failed", "cancelled", "done")
    settled(Status.FAILED, error="boom")
    cancel_selected(boss, cancelled)
    settled(Status.SUCCEEDED)
    LogEntry.objects.all().delete()
    *_, first, second = act_on(boss, "try_again_selected", failed, cancelled, done)
    assert first == "2 jobs were put back into the queue."
    assert second == "1 job was left alone: only a job that failed or was cancelled can be tried again."
    assert {(place.job_id, place.attempt) for place in Waiting.objects.all()} == {(failed.pk, 2), (cancelled.pk, 1)}
    assert Outcome.objects.get().job == done
    entries = {(entry.object_id, entry.get_change_message()) for entry in LogEntry.objects.all()}
    assert entries == {(str(job.pk), "Put back into the queue.") for job in (failed, cancelled)}


def test_who_may_only_view_jobs_cannot_try_them_again(client: Client) -> None:
    (job,) = submitted(user("anna"), "report")
    settled(Status.FAILED)
    act_on(staff(client, "view_job"), "try_again_selected", job)
    assert Outcome.objects.get().job == job


def test_changes_of_rules_are_in_the_log(boss: Client) -> None:
    rule = PriorityRule.objects.get()
    boss.post(page_of(rule), rule_form(rule, weight=2))
    in_list = {
        "form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1", "form-0-id": rule.pk, "form-0-position": "7",
        "form-0-active": "on", "_save": "Save",
    }  # fmt: skip
    boss.post(list_of("priorityrule"), in_list)
    entries = LogEntry.objects.filter(object_id=str(rule.pk), user__username="boss")
    assert {entry.get_change_message() for entry in entries} == {"Changed Weight.", "Changed Position."}


# Processors and flows


def test_processors_say_what_they_do(boss: Client) -> None:
    now = timezone.now()
    submitted(user("anna"), "report")
    claimed()
    register("idle")
    register("silent")
    register("draining")
    Processor.objects.filter(cluster="silent").update(lease_until=now)
    Processor.objects.filter(cluster="draining").update(draining=True)
    page = boss.get(list_of("processor")).content.decode()
    for text in (
        "idle",
        "working",
        "silent",
        "draining",
        page_of(Job.objects.get()),
    ):
        assert text in page
    assert any(f"{formatting.seconds(n)} ago" in page for n in range(60)), "the last sign of life"


def test_a_flow_tells_what_its_jobs_take_beside_what_they_declare(boss: Client) -> None:
    submitted(user("anna"), "a", "b")
    address = page_of(Flow.objects.get(owner__user__username="anna"))
    assert "for each second declared" not in boss.get(address).content.decode()
    processor = register("c").pk
    turn = take_turn(processor)
    half = [JobOutcome(job.id, job.owner, Status.SUCCEEDED, 1, job.duration / 2, 0.0) for job in turn.jobs]
    take_turn(processor, turn.number, half, more=False)
    assert "0.5 s for each second declared" in boss.get(address).content.decode()


def test_a_flow_tells_how_many_jobs_wait(boss: Client) -> None:
    submitted(user("anna"), "a", "b", "c")
    page = boss.get(page_of(Flow.objects.get(owner__user__username="anna"))).content.decode()
    assert '<div class="readonly">3</div>' in page


# Cost


def grow(first: int, last: int) -> None:
    """Users who each have a rule, a flow, and a job; half of the jobs have a processor."""
    PriorityRule.objects.bulk_create(PriorityRule(name=f"rule {n}", position=n) for n in range(first, last))
    for n in range(first, last):
        owner, rule = user(f"user{n}"), PriorityRule.objects.get(name=f"rule {n}")
        PriorityRule.users.through.objects.bulk_create(
            [PriorityRule.users.through(priorityrule_id=rule.pk, user_id=owner.pk)]
        )
        submitted(owner, f"job{n}")
        if n % 2:
            claimed()


@pytest.mark.parametrize("model", LISTS)
def test_a_list_takes_as_many_queries_for_fifty_rows_as_for_five(boss: Client, model: str) -> None:
    grow(0, 5)
    boss.get(list_of(model))
    with CaptureQueriesContext(
        connection,
    ) as few:
        boss.get(list_of(model))
    grow(5, 50)
    with CaptureQueriesContext(connection) as many:
        response = boss.get(list_of(model))
    assert len(response.context["cl"].result_list) >= 25
    assert len(many) == len(few)


def test_pages_of_a_large_table_come_from_an_estimate(boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    submitted(user("anna"), *(f"job{n}" for n in range(40)))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE queueapp_job")
    monkeypatch.setattr(base.EstimatedCountPaginator, "MAX_COUNTED", 10)
    monkeypatch.setattr(admin.site.get_model_admin(Job), "list_per_page", 15)
    assert found(boss, p="2") == [f"job{n}" for n in range(24, 9, -1)]
    assert boss.get(list_of("job")).context["cl"].result_count == 40
    assert boss.get(list_of("job"), {"status": "queued"}).context["cl"].result_count == 11
    assert boss.get(list_of("job"), {"q": "job39"}).context["cl"].result_count == 1


@pytest.mark.parametrize(
    ("length", "text"),
    [(None, formatting.EMPTY_VALUE), (0.0, "0 s"), (0.05, "0.05 s"), (59.99, "1 min 0 s"), (200, "3 min 20 s"),
     (7500, "2 h 5 min"), (604_800, "7 d 0 h")],
)  # fmt: skip
def test_lengths_of_time_are_told_in_the_units_that_matter(length: float | None, text: str) -> None:
    assert formatting.seconds(length) == text.replace(" ", "\N{NO-BREAK SPACE}")
