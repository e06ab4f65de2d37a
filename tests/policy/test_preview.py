"""What a preview predicts: by hand for a few users, and beside the database for what really happens afterwards."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.forms import modelform_factory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from queueapp.admin.rules.change import by_deleting, by_saving
from queueapp.conf import queue_settings
from queueapp.lifecycle.processors import register
from queueapp.lifecycle.submit import submit
from queueapp.lifecycle.turn import take_turn
from queueapp.lifecycle.validation import parse
from queueapp.models import Job, Owner, PriorityRule, Processor
from queueapp.policy.preview.effects import Preview, preview
from queueapp.policy.preview.sampling import Remainder, depth, sample_size, samples
from queueapp.policy.preview.state import Fate, QueueState, Routes, RunningTurn
from queueapp.policy.rules import COMMON, Route, Terms
from queueapp.policy.scheduler import FlowState, QueuedJob
from queueapp.policy.simulation import HEARTBEAT
from queueapp.snapshots import backlog
from queueapp.snapshots.backlog import read_backlog
from tests.kit.queue import everyone_takes_turns, make_owner, run_all, settle, submit_jobs, user_of

ADA, BOB = 1, 2


def alone(owner: int, weight: float = 1.0, cap: int | None = None, rule: int = 1) -> Route:
    return Route(f"owner:{owner}", rule, owner, Terms(weight, cap))


def present(processors: int = 1, underway: tuple[RunningTurn, ...] = (), **changes: Any) -> QueueState:
    """Ada and Bob wait in flows of their own: Ada with jobs 1, 3, 5, 7 of 1 s, Bob with jobs 2, 4, 6 of 2 s."""
    ada = FlowState("owner:1", backlog=[QueuedJob(n, 1.0) for n in (1, 3, 5, 7)], backlogged=True, head=1)
    bob = FlowState("owner:2", backlog=[QueuedJob(n, 2.0) for n in (2, 4, 6)], backlogged=True, head=2)
    owners = {1: ADA, 2: BOB, 3: ADA, 4: BOB, 5: ADA, 6: BOB, 7: ADA}
    own = {"owner:1": ADA, "owner:2": BOB}
    found = QueueState(processors, (ada, bob), owners, {ADA: 4, BOB: 3}, own, underway)
    return replace(found, **changes)


EVEN = {ADA: alone(ADA), BOB: alone(BOB)}


def times(found: Preview, after: bool) -> dict[int, tuple[float | None, float | None]]:
    outlooks = {e.owner: e.after if after else e.before for e in found.effects}
    return {user: (outlook.first, outlook.last) for user, outlook in outlooks.items()}


def shares(found: Preview, after: bool) -> dict[int, float]:
    return {e.owner: (e.after if after else e.before).share for e in found.effects}


class TestByHand:
    def test_a_greater_weight(self) -> None:
        """Before: a1 b2 a3 a5 b4 a7 b6, to virtual times 1|2, 2, 3|4, 4|6. With weight 3 Ada goes first until 2."""
        found = preview(present(), EVEN, EVEN | {ADA: alone(ADA, 3.0)})
        # a1 0-1 (v 1), b2 1-3 (v 2), a3 3-4 (v 2), b4: both at 2, b4 was submitted before a5; 4-6 (v 4), a5 6-7, a7 7-8
        assert times(found, after=False) == {ADA: (0.0, 7.0), BOB: (1.0, 8.0)}
        # a1 0-1 (v 1/3), b2 1-3 (v 2), a3 3-4, a5 4-5, a7 5-6, b4 6-8, b6 8-10
        assert times(found, after=True) == {ADA: (0.0, 5.0), BOB: (1.0, 8.0)}
        assert shares(found, after=False) == {ADA: 0.5, BOB: 0.5}
        assert shares(found, after=True) == {ADA: 0.75, BOB: 0.25}
        assert (found.owners, found.ends) == (2, (8.0, 8.0))

    def test_the_largest_change_comes_first_and_what_stays_is_left_out(self) -> None:
        found = preview(present(), EVEN, EVEN | {ADA: alone(ADA, 3.0)})
        assert [(e.owner, e.rerouted, e.delay) for e in found.effects] == [(ADA, True, -2.0), (BOB, False, 0.0)]
        assert preview(present(), EVEN, dict(EVEN)).effects == ()

    def test_together_in_the_order_of_submission(self) -> None:
        both = {user: Route("rule:1", 1) for user in (ADA, BOB)}
        found = preview(present(), EVEN, both)
        # a1 0-1, b2 1-3, a3 3-4, b4 4-6, a5 6-7, b6 7-9, a7 9-10
        assert times(found, after=True) == {ADA: (0.0, 9.0), BOB: (1.0, 7.0)}
        assert {e.after.company for e in found.effects} == {1}
        assert shares(found, after=True) == {ADA: 1.0, BOB: 1.0}

    def test_a_cap_on_two_processors(self) -> None:
        found = preview(present(2), EVEN, EVEN | {ADA: alone(ADA, 1.0, 1)})
        # before: a1 0-1 beside b2 0-2, a3 1-2, a5 2-3 beside b4 2-4, a7 3-4, b6 4-6
        assert times(found, after=False) == {ADA: (0.0, 3.0), BOB: (0.0, 4.0)}
        # Each time that Ada's job ends and she comes back from her cap, she joins at V, which is Bob's: once he is
        # ahead, he goes first: a1 0-1, b2 0-2, a3 1-2, a5 2-3, b4 2-4, b6 3-5, a7 4-5
        assert times(found, after=True) == {ADA: (0.0, 4.0), BOB: (0.0, 3.0)}

    def test_a_cap_limits_the_share(self) -> None:
        world = present(4)
        found = preview(world, EVEN, EVEN | {ADA: alone(ADA, 3.0, 1)})
        assert shares(found, after=True)[ADA] == 0.25

    def test_who_joins_a_flow_that_rested_joins_at_v(self) -> None:
        """Ada is far ahead and leaves for the common flow, which rested at 0: it begins where Bob is, not before."""
        world = present()
        world.flows[0].vtime, world.flows[1].vtime = 9.0, 4.0
        common = FlowState(COMMON)
        found = preview(replace(world, flows=(*world.flows, common)), EVEN, EVEN | {ADA: Route(COMMON)})
        # b2 0-2 would come first at equal virtual times 4, but a1 was submitted before: a1 0-1, b2 1-3, a3 3-4, ...
        assert times(found, after=False)[ADA] == (6.0, 9.0)
        assert times(found, after=True)[ADA] == (0.0, 7.0)

    def test_what_runs_ends_first(self) -> None:
        """Bob's job 0 has run for 3 of its 5 seconds, and its flow was charged for it."""
        world = present(underway=(RunningTurn("owner:2", [QueuedJob(0, 5.0)], 5.0, 3.0),))
        world.flows[1].vtime, world.flows[1].busy = 5.0, 1
        world = replace(world, owners={**world.owners, 0: BOB})
        found = preview(world, EVEN, EVEN | {BOB: alone(BOB, 0.5)})
        # a1 2-3, a3 3-4, a5 4-5, a7 5-6, b2 6-8, ...
        assert times(found, after=False)[BOB] == times(found, after=True)[BOB] == (6.0, 10.0)

    def test_a_processor_that_leaves_takes_no_further_turn(self) -> None:
        turn = RunningTurn("owner:2", [QueuedJob(0, 5.0)], 5.0, 3.0, Fate.LEAVES)
        world = present(0, (turn,))
        world.flows[1].busy = 1
        world = replace(world, owners={**world.owners, 0: BOB})
        assert times(preview(world, EVEN, EVEN | {BOB: alone(BOB, 2.0)}), after=True) == {
            ADA: (None, None),
            BOB: (None, None),
        }
        found = preview(replace(world, processors=1), EVEN, EVEN | {BOB: alone(BOB, 2.0)})
        assert times(found, after=False)[ADA] == (0.0, 7.0)

    def test_a_turn_that_is_lost_goes_back_to_its_place(self) -> None:
        turn = RunningTurn("owner:1", [QueuedJob(0, 1.0)], 1.0, 0.0, Fate.LOST)
        world = present(1, (turn,))
        world.flows[0].busy, world.flows[0].vtime = 1, 1.0
        world = replace(world, owners={**world.owners, 0: ADA})
        found = preview(world, EVEN, EVEN | {ADA: alone(ADA, 10.0)})
        assert times(found, after=True)[ADA] == (0.0, 6.0)

    def test_without_a_processor_there_are_shares_and_no_times(self) -> None:
        found = preview(present(0), EVEN, EVEN | {ADA: alone(ADA, 3.0)})
        assert shares(found, after=True) == {ADA: 0.75, BOB: 0.25}
        assert times(found, after=True) == {ADA: (None, None), BOB: (None, None)}
        assert found.ends == (None, None)

    def test_nobody_has_jobs(self) -> None:
        assert preview(QueueState(1, (), {}, {}), {}, {}) == Preview(0, (), (None, None))


class TestLumps:
    def test_nothing_is_lost(self) -> None:
        first = [QueuedJob(10, 2.0), QueuedJob(11, 4.0)]
        rest = Remainder(9, 27.0, 40).behind(first)
        found = list(samples(rest, 3, 11, {40}))
        assert [(task.number, task.declared) for task in found] == [(20, 9.0), (30, 9.0), (41, 3.0)]

    @pytest.mark.parametrize(
        ("sizes", "budget", "each"), [([5, 5], 6, 3), ([1, 100], 50, 49), ([3, 3], 100, 100), ([9, 9, 9], 2, 1)]
    )
    def test_all_are_looked_at_equally_far(self, sizes: list[int], budget: int, each: int) -> None:
        assert depth(sizes, budget) == each

    def test_the_size_of_a_lump_follows_from_the_depth(self) -> None:
        assert sample_size([100, 1000], 10, 100) == 11
        assert sample_size([5], 10, 100) == 1


class Scene:
    """Six users in two groups, random rules, a backlog of which some has run, and one processor."""

    def __init__(self, seed: int) -> None:
        self.chooser = random.Random(seed)
        self.groups = [Group.objects.create(name=name) for name in ("lab", "shop")]
        self.users = [make_owner(name) for name in ("ada", "bob", "cleo", "dan", "eve", "fay")]
        for user in self.users:
            user_of(user).groups.set(self.chooser.sample(self.groups, self.chooser.randint(0, 2)))
        for number in range(self.chooser.randint(0, 3)):
            save(self.form(number))
        self.processor = register("c").pk
        self.submit(25)
        run_all(self.processor, limit=self.chooser.randint(1, 20))
        self.submit(25)

    def submit(self, bursts: int) -> None:
        for _ in range(bursts):
            owner, length = self.chooser.choice(self.users), self.chooser.choice([0.02, 0.07, 1.0, 2.5, 8.0])
            names = [f"{owner}-{self.chooser.random()}" for _ in range(self.chooser.randint(1, 4))]
            submit_jobs(owner, *names, duration=length)

    def form(self, number: int, rule: PriorityRule | None = None) -> Any:
        """A valid form for a random rule."""
        data = {
            "name": f"rule {number}",
            "active": self.chooser.random() < 0.9,
            "position": self.chooser.choice([1, 5, 5, 9]),
            "users": [user.user_id for user in self.chooser.sample(self.users, self.chooser.choice([0, 0, 1, 3]))],
            "groups": [group.pk for group in self.chooser.sample(self.groups, self.chooser.choice([0, 0, 1]))],
            "weight": self.chooser.choice([0.1, 1.0, 1.0, 3.0, 10.0]),
            "sharing": self.chooser.choice(["separately", "separately", "together"]),
            "cap": self.chooser.choice([None, None, 1, 2]),
        }
        form = modelform_factory(PriorityRule, fields="__all__")(data, instance=rule)
        assert form.is_valid(), form.errors
        return form


@transaction.atomic
def save(form: Any) -> None:
    """As the admin does it: the rule and whom it covers in one transaction."""
    form.save()


def order(world: QueueState, routes: Routes) -> list[str]:
    """The names of the waiting jobs in the order in which they start."""
    names = dict(Job.objects.values_list("pk", "name"))
    runs = sorted(world.simulation(routes).run(), key=lambda run: run.started)
    return [names[run.index] for run in runs if run.index not in world.running]


def started(names: list[str], after: float) -> dict[str, tuple[float, float]]:
    """Of each user when the first and the last of these jobs start, one after the other from a moment on."""
    jobs = {job.name: job for job in Job.objects.select_related("owner")}
    found: dict[str, tuple[float, float]] = {}
    for name in names:
        owner = jobs[name].owner.name
        found[owner] = (found.get(owner, (after, after))[0], after)
        after += jobs[name].duration
    return found


@pytest.mark.usefixtures("no_rules")
class TestBesideTheDatabase:
    @pytest.mark.parametrize("seed", range(12))
    def test_a_saved_rule_does_what_was_predicted(self, seed: int) -> None:
        scene = Scene(seed)
        rule = scene.chooser.choice([*PriorityRule.objects.order_by("pk"), None]) if seed % 2 else None
        form = scene.form(99, rule)
        change = by_saving(form)
        world, (_, after) = read_backlog(timezone.now(), change.before, change.after)
        expected = order(world, after)
        save(form)
        assert run_all(scene.processor) == expected

    @pytest.mark.parametrize("seed", range(20, 25))
    def test_a_deleted_rule_does_what_was_predicted(self, seed: int) -> None:
        scene = Scene(seed)
        save(scene.form(98))
        going = PriorityRule.objects.filter(name__in=["rule 98", "rule 0"])
        change = by_deleting(going)
        world, (_, after) = read_backlog(timezone.now(), change.before, change.after)
        expected = order(world, after)
        going.delete()
        assert run_all(scene.processor) == expected

    @pytest.mark.parametrize("seed", range(30, 35))
    def test_without_a_change_the_backlog_goes_as_predicted(self, seed: int) -> None:
        scene = Scene(seed)
        world, (now,) = read_backlog(timezone.now(), PriorityRule.objects.load())
        expected = order(world, now)
        assert run_all(scene.processor) == expected

    def test_jobs_that_outrun_their_declaration_are_charged_as_often_as_here(self) -> None:
        world, (now,) = read_backlog(timezone.now(), PriorityRule.objects.load())
        assert world.simulation(now).heartbeat == queue_settings().HEARTBEAT_SECONDS != HEARTBEAT

    def test_the_times_are_those_that_come(self) -> None:
        """One processor in the middle of a job of Ada's, and Bob gets weight 4."""
        everyone_takes_turns()
        ada, bob = make_owner("ada"), make_owner("bob")
        submit_jobs(ada, *[f"a{n}" for n in range(6)], duration=3.0)
        submit_jobs(bob, *[f"b{n}" for n in range(6)], duration=2.0)
        processor = register("c").pk
        turn = take_turn(processor)
        change = by_saving(premium(bob, weight=4))
        now = timezone.now()
        world, (before, after) = read_backlog(now, change.before, change.after)
        found = {effect.owner: effect.after for effect in preview(world, before, after).effects}
        save(premium(bob, weight=4))
        spent = Processor.objects.get().time_spent(now)
        settle(processor, turn, more=False)
        starts = started(run_all(processor), after=3.0 - spent)
        for user in (ada, bob):
            assert (found[user.pk].first, found[user.pk].last) == pytest.approx(starts[user.name])

    def test_a_deep_backlog_is_read_in_lumps_and_comes_out_nearly_the_same(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        everyone_takes_turns()
        for name, many in (("ada", 40), ("bob", 300), ("cleo", 3)):
            submit_jobs(make_owner(name), *[f"{name}{n}" for n in range(many)])
        for _ in range(2):
            register("c")
        now = timezone.now()
        change = by_saving(premium(Owner.objects.get(pk=Owner.objects.named(["bob"])["bob"]), weight=3))
        exact, (before, after) = read_backlog(now, change.before, change.after)
        monkeypatch.setattr(backlog, "MAX_JOBS_READ", 100)
        rough, _ = read_backlog(now, change.before, change.after)
        assert len(rough.owners) <= 101
        assert rough.waiting == exact.waiting
        for was, about in zip(preview(exact, before, after).ends, preview(rough, before, after).ends, strict=True):
            assert about == pytest.approx(was, rel=0.05)

    def test_too_many_users_get_shares_and_no_times(self, monkeypatch: pytest.MonkeyPatch) -> None:
        everyone_takes_turns()
        for name in ("ada", "bob", "cleo"):
            submit_jobs(make_owner(name), f"{name}1")
        register("c")
        monkeypatch.setattr(backlog, "MAX_JOBS_READ", 2)
        change = by_saving(premium(Owner.objects.get(pk=Owner.objects.named(["bob"])["bob"]), weight=3))
        world, routes = read_backlog(timezone.now(), change.before, change.after)
        found = preview(world, *routes)
        assert not world.timed
        assert found.ends == (None, None)
        assert [round(effect.after.share, 3) for effect in found.effects] == [0.6, 0.2, 0.2]

    def test_a_job_that_waits_for_a_moment_is_left_out(self) -> None:
        everyone_takes_turns()
        ada = make_owner("ada")
        later = (timezone.now() + timedelta(hours=1)).isoformat()
        submit(
            ada, [parse({"job_id": "now", "duration": 1}), parse({"job_id": "later", "duration": 1, "run_at": later})]
        )
        world, _ = read_backlog(timezone.now(), PriorityRule.objects.load())
        assert world.waiting == {ada.pk: 1}
        assert len(world.owners) == 1

    def test_the_number_of_queries_does_not_grow(self) -> None:
        def queries() -> int:
            with CaptureQueriesContext(connection) as found:
                read_backlog(timezone.now(), PriorityRule.objects.load(), [])
            return len(found)

        everyone_takes_turns()
        submit_jobs(make_owner("ada"), "a0", "a1")
        take_turn(register("c").pk)
        few = queries()
        for number in range(20):
            submit_jobs(make_owner(f"user{number}"), f"job{number}")
            take_turn(register("c").pk)
        assert queries() == few


def premium(user: Owner, **terms: Any) -> Any:
    """A valid form of a rule for one user."""
    data = {"name": "Premium", "active": True, "position": 1, "users": [user.user_id], "sharing": "separately"} | terms
    form = modelform_factory(PriorityRule, fields="__all__")(data)
    assert form.is_valid(), form.errors
    return form
