"""The preview in the admin: it shows, writes nothing, and what is saved from it is what was shown."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from jobsite.accounts.models import User
from queueapp.admin.rules import report, rows
from queueapp.admin.rules.report import listed
from queueapp.admin.rules.rows import percent, soon
from queueapp.lifecycle.processors import register
from queueapp.models import Job, PriorityRule, Processor, Waiting
from queueapp.snapshots import idle_owners
from tests.kit.queue import everyone_takes_turns, make_user, run_all, submit_jobs

pytestmark = pytest.mark.usefixtures("no_rules")

ADD = reverse("admin:queueapp_priorityrule_add")


@pytest.fixture
def boss(client: Client) -> Client:
    """The browser of a superuser."""
    client.force_login(User.objects.create_superuser("boss"))
    return client


@pytest.fixture
def queue(no_rules: None) -> tuple[User, User]:
    """Everyone takes turns; Ada waits with six jobs of 2 s, Bob with six of 3 s, and one processor is there."""
    everyone_takes_turns()
    ada, bob = make_user("ada"), make_user("bob")
    for n in range(6):
        submit_jobs(ada, f"a{n}", duration=2.0)
        submit_jobs(bob, f"b{n}", duration=3.0)
    register("c")
    Processor.objects.update(lease_until=timezone.now() + timedelta(hours=1))
    return ada, bob


def change(rule: PriorityRule) -> str:
    return reverse("admin:queueapp_priorityrule_change", args=[rule.pk])


def form(**changes: Any) -> dict[str, Any]:
    """What the form of a rule for nobody yet posts, with these changes."""
    return {"name": "Premium", "active": "on", "position": 1, "weight": 3, "sharing": "separately"} | changes


def preview(client: Client, url: str, **changes: Any) -> Any:
    """The answer to a preview of this form."""
    return client.post(url, form(**changes) | {"_preview": "Preview"})


def shown_rows(response: Any) -> dict[str, rows.Row]:
    """The rows that are shown, by user."""
    return {row.owner: row for table in response.context["preview"]["tables"] for row in table["rows"]}


class Fields(HTMLParser):
    """The values of the hidden fields of a page, as a browser posts them."""

    def __init__(self, response: Any) -> None:
        super().__init__()
        self.values: dict[str, list[str]] = {}
        self.feed(response.content.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        field = dict(attrs)
        if tag == "input" and field.get("type") == "hidden":
            self.values.setdefault(str(field["name"]), []).append(field.get("value") or "")


def everything() -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables, and where the sequences stand."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_stat_user_tables UNION SELECT sequencename FROM pg_sequences")
        found = {}
        for (name,) in cursor.fetchall():
            if name != "django_session":
                cursor.execute(f'SELECT * FROM "{name}"')
                found[name] = sorted(cursor.fetchall(), key=repr)
        return found


# What it shows


def test_the_preview_of_a_new_rule_says_who_waits_how_long(boss: Client, queue: tuple[User, User]) -> None:
    ada, _ = queue
    shown = shown_rows(preview(boss, ADD, users=[ada.pk]))
    assert (shown["ada"].turns.before, shown["ada"].turns.after) == ("Everyone takes turns", "Premium")
    assert (shown["ada"].share.before, shown["ada"].share.after) == (percent(0.5), percent(0.75))
    # before: a0 b0 a1 b1 a2 b2 a3 a4 b3 and then a5, behind 6 of Ada's 2 s less one and 4 of Bob's 3 s
    # after: a0 b0, then Ada until her virtual time is above Bob's 3: a1 to a4, b1, and a5
    assert (shown["ada"].last.before, shown["ada"].last.after) == (soon(5 * 2 + 4 * 3), soon(5 * 2 + 2 * 3))
    assert (shown["bob"].share.before, shown["bob"].share.after) == (percent(0.5), percent(0.25))
    assert shown["bob"].last.after == ""
    assert shown["ada"].last.verdict == f"{soon(6)[3:]} sooner"


def test_what_is_saved_does_what_was_shown(boss: Client, queue: tuple[User, User]) -> None:
    response = preview(boss, ADD, users=[queue[0].pk], cap=1)
    shown = shown_rows(response)
    boss.post(ADD, Fields(response).values | {"_save": "Save"})
    now, first, last = 0.0, dict[str, float](), dict[str, float]()
    jobs = {job.name: job for job in Job.objects.select_related("owner")}
    for name in run_all(Processor.objects.get().pk):
        owner = jobs[name].owner.name
        first.setdefault(owner, now)
        last[owner] = now
        now += jobs[name].duration
    for user, row in shown.items():
        assert (row.first.after or row.first.before) == soon(first[user])
        assert (row.last.after or row.last.before) == soon(last[user])


def test_the_longest_lists_are_cut(boss: Client, queue: tuple[User, User], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "MAX_ROWS", 2)
    monkeypatch.setattr(report, "MAX_ROWS", 2)
    for n in range(3):
        submit_jobs(make_user(f"user{n}"), "job")
    page = preview(boss, ADD, users=[queue[0].pk]).content.decode()
    assert "1 user would take turns differently, and 4 others would notice." in page
    assert "And 2 users more" in page


@pytest.mark.parametrize(
    ("changes", "notice"),
    [
        ({"active": ""}, "would be switched off"),
        ({"valid_from_0": "2090-01-01", "valid_from_1": "00:00"}, "only begins on 2090-01-01"),
        ({"valid_until_0": "2020-01-01", "valid_until_1": "00:00"}, "ended on 2020-01-01"),
    ],
)
def test_a_rule_that_does_not_hold_now_is_said_to(
    boss: Client, queue: tuple[User, User], changes: dict[str, str], notice: str
) -> None:
    response = preview(boss, ADD, users=[queue[0].pk], **changes)
    assert notice in response.content.decode()
    assert ("ada" in shown_rows(response)) == ("begins" in notice), "it is shown as if it began now"


def test_a_rule_that_is_put_off_is_shown_to_stop(boss: Client, queue: tuple[User, User]) -> None:
    rule = PriorityRule.objects.create(name="Premium", position=1, weight=3)
    rule.users.add(queue[0])
    later = {"valid_from_0": "2090-01-01", "valid_from_1": "00:00"}
    shown = shown_rows(preview(boss, change(rule), users=[queue[0].pk], **later))
    assert (shown["ada"].turns.before, shown["ada"].turns.after) == ("Premium", "Everyone takes turns")


def test_a_rule_that_ends_soon_is_said_to(boss: Client, queue: tuple[User, User]) -> None:
    end = timezone.now() + timedelta(seconds=15)
    when = {"valid_until_0": end.strftime("%Y-%m-%d"), "valid_until_1": end.strftime("%H:%M:%S")}
    assert "before all of this has started" in preview(boss, ADD, users=[queue[0].pk], **when).content.decode()


def test_without_a_processor_shares_are_shown_and_no_times(boss: Client, queue: tuple[User, User]) -> None:
    Processor.objects.update(draining=True)
    response = preview(boss, ADD, users=[queue[0].pk])
    assert "No processor is at work" in response.content.decode()
    assert shown_rows(response)["ada"].share.after == percent(0.75)
    assert shown_rows(response)["ada"].last.before == "-"


def test_with_an_empty_queue_it_says_so_and_who_is_concerned_later(boss: Client) -> None:
    ada = make_user("ada")
    page = preview(boss, ADD, users=[ada.pk]).content.decode()
    assert "Nobody would notice anything now." in page
    assert "ada has no jobs now; the next ones would take turns differently, too." in page


def test_a_rule_that_changes_nothing_is_said_to(boss: Client, queue: tuple[User, User]) -> None:
    rule = PriorityRule.objects.get()
    response = preview(boss, change(rule), name="Fair", weight=1, position=1000)
    assert "Nobody who has jobs now would notice anything." in response.content.decode()


def test_a_rule_that_moves_in_front_of_another_decides(boss: Client, queue: tuple[User, User]) -> None:
    rule = PriorityRule.objects.create(name="Premium", position=2000, weight=3)
    assert shown_rows(preview(boss, change(rule), position=2000)) == {}
    assert shown_rows(preview(boss, change(rule), position=999))["ada"].turns.after == "Premium"


def test_many_idle_users_are_only_counted(boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    users = [make_user(f"user{n}") for n in range(8)]
    page = preview(boss, ADD, users=[user.pk for user in users]).content.decode()
    assert "user0, user1, user2, user3, user4 and 3 others have no jobs now" in page
    monkeypatch.setattr(idle_owners, "MAX_OWNERS", 6)
    page = preview(boss, ADD, users=[user.pk for user in users]).content.decode()
    assert "user4 and more than 2 others have no jobs now" in page


def test_only_who_may_view_owners_gets_links_to_them(client: Client, queue: tuple[User, User]) -> None:
    assert shown_rows(preview(staff(client, "add_priorityrule"), ADD, users=[queue[0].pk]))["ada"].page == ""
    clerk = staff(client, "add_priorityrule", "view_owner")
    assert shown_rows(preview(clerk, ADD, users=[queue[0].pk]))["ada"].page


def test_the_number_of_queries_does_not_grow(boss: Client, queue: tuple[User, User]) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            assert preview(boss, ADD, weight=5, users=[queue[0].pk]).status_code == 200
        return len(found)

    few = queries()
    for n in range(20):
        submit_jobs(make_user(f"user{n}"), "job")
    assert queries() == few


# What it writes: nothing


@pytest.mark.parametrize("new", [True, False])
def test_a_preview_writes_nothing(boss: Client, queue: tuple[User, User], new: bool) -> None:
    rule = PriorityRule.objects.get()
    boss.get(ADD)
    before = everything()
    response = preview(boss, ADD if new else change(rule), users=[queue[0].pk], groups=[])
    assert response.status_code == 200
    assert "Nothing is saved yet" in response.content.decode()
    assert boss.post(change(rule), form(name="Other") | {"_edit": "Back to editing"}).status_code == 200
    assert everything() == before


def test_it_can_not_write(boss: Client, queue: tuple[User, User], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its queries run in a transaction that only reads."""
    from queueapp.snapshots import backlog

    def write(wanted: set[str]) -> list[Any]:
        Waiting.objects.all().delete()
        return []

    monkeypatch.setattr(backlog, "_flows", write)
    with pytest.raises(Exception, match="read-only transaction"):
        preview(boss, ADD)
    assert Waiting.objects.exists()


# From the form to the preview and on


def posted(rule: PriorityRule) -> dict[str, Any]:
    return {
        "name": rule.name, "active": rule.active, "position": rule.position, "weight": rule.weight,
        "sharing": rule.sharing, "cap": rule.cap, "from": rule.valid_from, "until": rule.valid_until,
        "users": set(rule.users.all()), "groups": set(rule.groups.all()),
    }  # fmt: skip


@pytest.mark.parametrize("new", [True, False])
def test_what_was_previewed_is_saved(boss: Client, queue: tuple[User, User], new: bool) -> None:
    lab, shop = Group.objects.create(name="lab"), Group.objects.create(name="shop")
    url = ADD if new else change(PriorityRule.objects.get())
    response = preview(
        boss, url, name="“A” & <b>", position=7, weight=2.5, sharing="together", cap=4,
        users=[user.pk for user in queue], groups=[lab.pk, shop.pk], valid_from_0="2030-01-02", valid_from_1="03:04:05",
        valid_until_0="2031-01-02", valid_until_1="06:07:08",
    )  # fmt: skip
    saved = boss.post(url, Fields(response).values | {"_save": "Save"})
    assert saved.status_code == 302
    assert posted(PriorityRule.objects.get(name="“A” & <b>")) == {
        "name": "“A” & <b>", "active": True, "position": 7, "weight": 2.5, "sharing": "together", "cap": 4,
        "from": datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC), "until": datetime(2031, 1, 2, 6, 7, 8, tzinfo=UTC),
        "users": set(queue), "groups": {lab, shop},
    }  # fmt: skip
    assert PriorityRule.objects.count() == 1 + new


def test_back_at_the_form_everything_is_as_it_was_posted(boss: Client, queue: tuple[User, User]) -> None:
    response = preview(boss, ADD, name="Premium, too", users=[queue[0].pk], cap=4, active="")
    again = boss.post(ADD, Fields(response).values | {"_edit": "Back to editing"})
    page = again.content.decode()
    fields = again.context["adminform"].form
    assert "errornote" not in page
    assert 'value="Premium, too"' in page
    assert (fields["users"].value(), fields["cap"].value(), fields["active"].value()) == (
        [str(queue[0].pk)],
        "4",
        False,
    )
    assert not PriorityRule.objects.filter(name="Premium, too").exists()
    assert 'name="_preview"' in page


def test_an_invalid_form_is_shown_with_its_errors(boss: Client, queue: tuple[User, User]) -> None:
    before = everything()
    response = preview(boss, ADD, weight=77, valid_from_0="2030-01-02", valid_from_1="", name="")
    page = response.content.decode()
    assert "errornote" in page
    assert "less than or equal to 10" in page
    assert set(response.context["adminform"].form.errors) == {"weight", "valid_from", "name"}
    assert everything() == before


def test_the_button_is_beside_save_and_needs_no_script(boss: Client) -> None:
    everyone_takes_turns()
    for url in (ADD, change(PriorityRule.objects.get())):
        page = boss.get(url).content.decode()
        assert page.count('<input type="submit" value="Preview" name="_preview"') == 2


def test_the_page_has_no_inline_script_or_style(boss: Client, queue: tuple[User, User]) -> None:
    page = preview(boss, ADD, users=[queue[0].pk]).content.decode()
    assert "queueapp/preview.css" in page
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page)


# Who may


def staff(client: Client, *permissions: str) -> Client:
    """The browser of a member of staff who has these permissions only."""
    user, _ = User.objects.get_or_create(username="clerk", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return client


def test_who_may_only_view_rules_can_not_preview_any(client: Client) -> None:
    everyone_takes_turns()
    url = change(PriorityRule.objects.get())
    clerk = staff(client, "view_priorityrule")
    assert 'name="_preview"' not in clerk.get(url).content.decode()
    for button in ("_preview", "_edit", "_save"):
        assert clerk.post(url, form() | {button: "x"}).status_code == 403
        assert clerk.post(ADD, form() | {button: "x"}).status_code == 403
    assert PriorityRule.objects.get().name == "Everyone takes turns"


def test_who_may_change_rules_can_preview_that_and_no_new_one(client: Client) -> None:
    everyone_takes_turns()
    clerk = staff(client, "change_priorityrule")
    assert preview(clerk, change(PriorityRule.objects.get())).status_code == 200
    assert preview(clerk, ADD).status_code == 403


def test_who_is_not_staff_is_sent_to_the_login(client: Client) -> None:
    client.force_login(make_user("ada"))
    assert preview(client, ADD).status_code == 302


def test_a_preview_needs_the_token_against_forged_requests() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("boss"))
    assert preview(client, ADD).status_code == 403


def test_a_rule_that_is_gone_can_not_be_previewed(boss: Client) -> None:
    assert preview(boss, reverse("admin:queueapp_priorityrule_change", args=[99])).status_code == 302


# Deletion


def one(rule: PriorityRule, client: Client) -> Any:
    return client.get(reverse("admin:queueapp_priorityrule_delete", args=[rule.pk]))


def several(rule: PriorityRule, client: Client) -> Any:
    chosen = {"action": "delete_selected", "_selected_action": [rule.pk]}
    return client.post(reverse("admin:queueapp_priorityrule_changelist"), chosen)


@pytest.mark.parametrize("ask_for", [one, several])
def test_before_a_rule_is_deleted_it_is_shown_what_that_does(
    boss: Client, queue: tuple[User, User], ask_for: Callable[[PriorityRule, Client], Any]
) -> None:
    response = ask_for(PriorityRule.objects.get(), boss)
    page = response.content.decode()
    assert "What that would do" in page
    assert "2 users would take turns differently." in page
    assert "m sure" in page
    ada = shown_rows(response)["ada"]
    assert (ada.turns.after, ada.turns.after_note, ada.share.after_note) == (
        "no rule",
        "in one line",
        "shared with 1 other",
    )
    assert ada.last.after == soon(25)
    assert PriorityRule.objects.exists()


def test_confirmed_deletions_delete(boss: Client, queue: tuple[User, User]) -> None:
    rule = PriorityRule.objects.get()
    chosen = {"action": "delete_selected", "_selected_action": [rule.pk], "post": "yes"}
    boss.post(reverse("admin:queueapp_priorityrule_changelist"), chosen)
    assert not PriorityRule.objects.exists()
    rule = everyone_takes_turns()
    boss.post(reverse("admin:queueapp_priorityrule_delete", args=[rule.pk]), {"post": "yes"})
    assert not PriorityRule.objects.exists()


# Words


@pytest.mark.parametrize(
    ("share", "text"),
    [(1.0, "100 %"), (0.5, "50 %"), (0.0714, "7.1 %"), (0.01, "1 %"), (0.001, "0.10 %"), (0.00001, "under 0.01 %")],
)
def test_shares(share: float, text: str) -> None:
    assert percent(share).replace("\N{NO-BREAK SPACE}", " ") == text


@pytest.mark.parametrize(
    ("length", "rough", "text"),
    [(None, False, "-"), (0.2, False, "at once"), (4.21, False, "in 4.2 s"), (70.2, False, "in 1 min 10 s"),
     (7200.0, True, "in about 2 h 0 min")],
)  # fmt: skip
def test_starts(length: float | None, rough: bool, text: str) -> None:
    assert soon(length, rough=rough).replace("\N{NO-BREAK SPACE}", " ") == text


@pytest.mark.parametrize(
    ("names", "text"),
    [("a", "a"), ("ab", "a and b"), ("abc", "a, b and c"), ("abcdef", "a, b, c, d, e and f"),
     ("abcdefg", "a, b, c, d, e and 2 others")],
)  # fmt: skip
def test_names(names: str, text: str) -> None:
    assert listed(list(names)) == text
