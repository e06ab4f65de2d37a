"""Interleavings of the queue's steps: whatever the order of their statements, nothing is lost, doubled or broken.

A failure prints its actors and its schedule. INTERLEAVING replays one, and nothing else:

    INTERLEAVING="claim,submit:0110" .venv/bin/python -m pytest tests/lifecycle/test_interleavings.py
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from functools import partial

import pytest

from queueapp.lifecycle.cancel import cancel
from queueapp.lifecycle.processors import heartbeat, register
from queueapp.lifecycle.rescue import rescue_cluster
from queueapp.lifecycle.turn import take_turn
from queueapp.models import FlowState, Job, Outcome, Waiting
from queueapp.snapshots.audit import audit
from tests.kit.crowd import ACTORS, Saved, World, check, make_world
from tests.kit.interleaving import Choose, Run, Stage, Work, play_all, replayed, seeded
from tests.kit.queue import everyone_takes_turns, make_owner, names, run_all, settle, submit_jobs

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_rules")]

ONE_OF_A_KIND = {
    "settle",
    "settle tiny",
    "settle part",
    "heartbeat",
    "rescue",
    "rescue tiny",
    "sweep",
    "pause",
    "resume",
}
"""Nobody does these twice at once: a processor does one thing at a time, and sweeps are to be seen with others."""
IMPOSSIBLE = {frozenset({"settle part", "settle tiny"})}
"""Both are of one processor, about one turn."""
MEETS = {"submit later": {"due", "pause", "resume", "route", "submit later"}}
"""Actors that lock nothing of most others, and those whose work they could get in the way of."""
QUICK, THOROUGH = 2, 60
"""Schedules of a pair, and those where there is time: all there are, or so many and as many by seed."""
SEEDS, MORE_SEEDS = 30, 1_500
EMPTIED = 40
REPLAY = os.environ.get("INTERLEAVING")
thorough = pytest.mark.skipif(
    REPLAY is not None or not os.environ.get("INTERLEAVINGS_MORE"),
    reason="set INTERLEAVINGS_MORE=1 for many more schedules, which take a quarter of an hour",
)
not_in_a_replay = pytest.mark.skipif(bool(REPLAY), reason="one schedule is replayed")


@pytest.fixture
def stage(no_rules: None) -> Iterator[Stage]:
    with Stage() as made:
        yield made


@pytest.fixture
def world(no_rules: None) -> World:
    return make_world()


@pytest.fixture
def saved(world: World) -> Iterator[Saved]:
    kept = Saved()
    yield kept
    kept.drop()


def works(world: World, kinds: Sequence[str]) -> dict[str, Work]:
    """The actors of these kinds, by kind and number."""
    return {f"{kind}/{n}": lambda kind=kind, n=n: ACTORS[kind](world, n) for n, kind in enumerate(kinds)}  # type: ignore[misc]


def played(stage: Stage, world: World, saved: Saved, kinds: Sequence[str], choose: Choose) -> Run:
    """One schedule from the world as it was, and what must hold afterwards. Raises with the schedule in its words."""
    saved.restore()
    run = stage.run(works(world, kinds), choose)
    try:
        check(world, run)
    except Exception as broken:
        raise AssertionError(f"INTERLEAVING={','.join(kinds)}:{run}\n{broken!r}") from broken
    return run


def partners(first: str) -> list[tuple[str, str]]:
    """The pairs with this actor, and with those that come after it."""
    pairs = [(first, second) for second in ACTORS if second >= first and {first, second} not in IMPOSSIBLE]
    for kind, met in MEETS.items():
        pairs = [pair for pair in pairs if kind not in pair or set(pair) - {kind} <= met]
    return [pair for pair in pairs if pair[0] != pair[1] or first not in ONE_OF_A_KIND]


def play_pairs(stage: Stage, world: World, saved: Saved, first: str, most: int) -> None:
    """All schedules of each pair; where there are more than `most`, so many of them, and half as many by seed."""
    for kinds in partners(first):
        play = partial(played, stage, world, saved, kinds)
        if not play_all(play, most):
            for seed in range(most // 2):
                play(seeded(f"{kinds} {seed}"))


def play_three(stage: Stage, world: World, saved: Saved, seed: int) -> None:
    """Three actors and their schedule, both by the seed."""
    chooser = random.Random(seed)
    while True:
        kinds = chooser.choices(sorted(ACTORS), k=3)
        if not any(kinds.count(kind) > 1 for kind in ONE_OF_A_KIND) and not any(
            set(kinds) >= two for two in IMPOSSIBLE
        ):
            break
    played(stage, world, saved, kinds, seeded(f"{seed}"))


@not_in_a_replay
@pytest.mark.parametrize("first", sorted(ACTORS))
def test_two_at_once_keep_every_promise(stage: Stage, world: World, saved: Saved, first: str) -> None:
    play_pairs(stage, world, saved, first, QUICK)


@thorough
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("first", sorted(ACTORS))
def test_two_at_once_keep_every_promise_in_many_more_orders(
    stage: Stage, world: World, saved: Saved, first: str
) -> None:
    play_pairs(stage, world, saved, first, THOROUGH)


def test_three_at_once_keep_every_promise(stage: Stage, world: World, saved: Saved) -> None:
    if REPLAY:
        kinds, _, schedule = REPLAY.partition(":")
        played(stage, world, saved, kinds.split(","), replayed(schedule))
        return
    for seed in range(SEEDS):
        play_three(stage, world, saved, seed)


@thorough
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(30))
def test_three_at_once_keep_every_promise_in_many_more_orders(
    stage: Stage, world: World, saved: Saved, part: int
) -> None:
    """In parts, each in a world of its own: its leases run out after a minute."""
    for seed in range(SEEDS + part, MORE_SEEDS, 30):
        play_three(stage, world, saved, seed)


def test_jobs_that_are_being_moved_while_their_owner_is_routed_elsewhere_follow(
    stage: Stage, world: World, saved: Saved
) -> None:
    """The move is not committed when the change of routes looks what its owner leaves behind."""
    played(stage, world, saved, ["move", "route"], replayed("0" + "1" * 21 + "0" * 14))


def test_two_claims_at_once_take_two_flows_and_neither_waits(stage: Stage) -> None:
    everyone_takes_turns()
    submit_jobs(make_owner("ada"), "a0")
    submit_jobs(make_owner("ben"), "b0")
    first, second = register("c").pk, register("c").pk
    both = {"1": lambda: take_turn(first), "2": lambda: take_turn(second)}
    run = stage.run(both, replayed("01"))
    assert sorted(names(run.results["1"].jobs) + names(run.results["2"].jobs)) == ["a0", "b0"]
    assert run.waited == set(), run


def test_a_settlement_is_committed_before_the_claim_that_comes_with_it_waits_for_a_flow(stage: Stage) -> None:
    everyone_takes_turns()
    submit_jobs(make_owner("ada"), "a0")
    submit_jobs(make_owner("ben"), "b0", "b1")
    settling, beating = register("c").pk, register("c").pk
    turn, other = take_turn(settling), take_turn(beating)
    actors: dict[str, Work] = {
        "settle": partial(settle, settling, turn, 5.0, more=True),
        "look": lambda: list(Outcome.objects.values_list("job__name", flat=True)),
        "beat": partial(heartbeat, beating, other.number, elapsed=2.0),
    }
    beats = iter([2])  # first the heartbeat locks the flow that is next
    run = stage.run(actors, lambda able: next(beats, 0))
    assert "settle" in run.waited, run
    assert run.results["look"] == ["a0"], run
    assert names(run.results["settle"].jobs) == ["b1"]


def test_a_flow_that_a_claim_empties_is_awake_for_whoever_submits_meanwhile(stage: Stage) -> None:
    """A claim finds one job, which may be cancelled just then; the next one is submitted while it looks."""
    everyone_takes_turns()
    ada = make_owner("ada")
    runs: list[Run] = []

    def play(choose: Choose) -> Run:
        n = len(runs)
        submit_jobs(ada, f"first-{n}")
        job, processor = Job.objects.get(name=f"first-{n}"), register(f"{n}").pk
        works: dict[str, Work] = {
            "cancel": partial(cancel, job),
            "claim": partial(take_turn, processor),
            "submit": partial(submit_jobs, ada, f"second-{n}"),
        }
        runs.append(run := stage.run(works, choose))
        assert not FlowState.objects.filter(
            flow__owner=ada, backlogged=False, flow__in=Waiting.objects.values("flow")
        ), run
        rescue_cluster(f"{n}")
        run_all(register("last").pk)
        assert not Waiting.objects.exists(), run
        return run

    if not play_all(play, EMPTIED):
        for seed in range(EMPTIED):
            play(seeded(f"{seed}"))
    assert audit() == []
