"""The endpoint and the page of the fleet."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from queueapp.lifecycle import autoscaler as module
from queueapp.lifecycle.autoscaler import Autoscaler
from queueapp.lifecycle.fleet import join
from queueapp.models import Cluster, Fleet, FleetDecision, FlowState, PriorityRule, database_now
from queueapp.policy.autoscale import Bounds
from tests.kit.api import assert_problem, client_of
from tests.kit.queue import everyone_takes_turns, make_owner, make_user, submit_jobs

pytestmark = pytest.mark.usefixtures("no_rules")
ADDRESS = "/api/v1/fleet/"


@pytest.fixture
def boss() -> APIClient:
    return client_of(make_user("boss", is_staff=True, is_superuser=True))


def test_the_load_is_followed_and_told_with_the_reason(boss: APIClient) -> None:
    everyone_takes_turns()
    join("here", Bounds(1, 8))
    submit_jobs(make_owner("ada"), *[f"j{n}" for n in range(9)], duration=1.0)
    Autoscaler("here").look()
    fleet = boss.get(ADDRESS).json()
    assert (fleet["wished"], fleet["target_wait"]) == (3, 5.0)  # 9 s within 4.5 s are 2, and a reserve
    assert [(part["minimum"], part["maximum"], part["part"]) for part in fleet["clusters"]] == [(1, 8, 3)]
    (decision,) = fleet["decisions"]
    assert (decision["before"], decision["wished"], decision["alive"]) == (0, 3, 0)
    assert decision["reason"] == "2.9 are needed now: 0 at work, 9.0 s queued"


def test_a_cap_bounds_what_a_backlog_demands() -> None:
    PriorityRule.objects.create(name="Capped", cap=1)
    join("here", Bounds(1, 50))
    submit_jobs(make_owner("ada"), *[f"j{n}" for n in range(900)], duration=1.0)
    Autoscaler("here").look()
    assert Cluster.objects.get().part == 2  # 5 s of work in 4.5 s, and the reserve


def test_staff_set_bounds_and_what_is_wrong_names_its_field(boss: APIClient) -> None:
    def patch(**bounds: Any) -> Any:
        return boss.patch(ADDRESS, bounds, format="json")

    assert patch(minimum=3, maximum=5, target_wait=30).json()["maximum"] == 5
    assert_problem(patch(minimum=6), 400, "maximum")
    assert_problem(patch(minimum=0), 400, "minimum")
    assert_problem(patch(maximum="many"), 400, "maximum")
    assert_problem(patch(target_wait=0.5), 400, "target_wait")
    assert_problem(patch(processors=7), 400, "processors")
    assert Fleet.objects.values_list("minimum", "maximum", "target_wait").get() == (3, 5, 30)
    assert patch(maximum=None).json()["maximum"] is None
    assert Fleet.objects.get().minimum == 3, "what is left out stays"


def test_bounds_beyond_the_hosts_are_followed_as_far_as_they_go(boss: APIClient) -> None:
    join("here", Bounds(1, 2))
    boss.patch(ADDRESS, {"minimum": 40}, format="json")
    Autoscaler("here").look()
    assert Cluster.objects.get().part == 2


def test_a_dry_run_says_what_it_would_do_and_does_it_once_it_is_over(boss: APIClient) -> None:
    everyone_takes_turns()
    join("here", Bounds(1, 8))
    autoscaler = Autoscaler("here")
    assert boss.patch(ADDRESS, {"dry_run": True}, format="json").json()["dry_run"] is True
    submit_jobs(make_owner("ada"), *[f"j{n}" for n in range(9)], duration=1.0)
    autoscaler.look()
    fleet = boss.get(ADDRESS).json()
    assert fleet["decisions"][0]["reason"] == "dry run: 2.9 are needed now: 0 at work, 9.0 s queued"
    assert (fleet["wished"], fleet["clusters"][0]["part"]) == (3, 1)
    assert_problem(boss.patch(ADDRESS, {"dry_run": None}, format="json"), 400, "dry_run")
    boss.patch(ADDRESS, {"dry_run": False}, format="json")
    autoscaler.look()
    assert boss.get(ADDRESS).json()["clusters"][0]["part"] == 3


def test_long_jobs_need_a_processor_each_and_capped_ones_no_more_than_their_cap(boss: APIClient) -> None:
    everyone_takes_turns()
    join("here", Bounds(1, 50))
    autoscaler = Autoscaler("here")
    submit_jobs(make_owner("ada"), "a", "b", duration=3_600.0)
    autoscaler.look()
    assert boss.get(ADDRESS).json()["wished"] == 3, "two, and a reserve"
    submit_jobs(make_owner("ben"), *[f"j{n}" for n in range(40)], duration=3_600.0)
    FlowState.objects.filter(flow__owner__user__username="ben").update(cap=2)
    autoscaler.look()
    assert boss.get(ADDRESS).json()["wished"] == 5


def test_who_may_look_may_not_change() -> None:
    clerk = make_user("clerk", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_fleet"))
    api = client_of(clerk)
    assert api.get(ADDRESS).status_code == 200
    assert_problem(api.patch(ADDRESS, {"minimum": 2}, format="json"), 403)


def test_the_admins_page_sets_the_bounds_and_keeps_what_the_leader_wrote(client: Client) -> None:
    client.force_login(make_user("boss", is_staff=True, is_superuser=True))
    join("here", Bounds(1, 8))
    Autoscaler("here").look()
    assert client.get(reverse("admin:queueapp_fleet_changelist")).status_code == 302
    place = reverse("admin:queueapp_fleet_change", args=[1])
    answer = client.post(place, {"minimum": 3, "maximum": 60, "target_wait": ""}, follow=True)
    assert "The hosts that run now take 8 processors in all." in answer.content.decode()
    fleet = Fleet.objects.get()
    assert (fleet.minimum, fleet.maximum, fleet.target_wait, fleet.wished) == (3, 60, None, 1)
    Autoscaler("here").look()
    page = client.get(place).content.decode()
    assert "0 alive, 0 at work; 3 wished" in page
    assert "<td>1</td><td>3</td><td>0</td><td>the minimum is 3" in page


def test_only_the_newest_decisions_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_DECISIONS", 2)
    join("here", Bounds(1, 8))
    autoscaler = Autoscaler("here")
    for number in (3, 5, 2, 7):
        Fleet.objects.update_or_create(pk=1, defaults={"minimum": number, "maximum": number})
        autoscaler.look()
    assert list(FleetDecision.objects.values_list("wished", flat=True)) == [7, 2]


@pytest.mark.parametrize("moment", [timedelta(seconds=-1), timedelta(hours=1)], ids=["over", "clock set back"])
def test_one_leader_decides_and_another_takes_over_when_its_time_is_over(moment: timedelta) -> None:
    join("here", Bounds(1, 4))
    join("there", Bounds(1, 4))
    Autoscaler("here").look()
    Autoscaler("there").look()
    assert Fleet.objects.get().leader == "here"
    Fleet.objects.update(leader_until=database_now() + moment)
    Autoscaler("there").look()
    assert Fleet.objects.get().leader == "there"
