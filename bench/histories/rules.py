"""The rules of a history, each a function from a history to a verdict. Shares no code with the product."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

from bench.histories.fairness import fairness
from bench.histories.history import FINISHED, NEVER, Asked, History, Retry, Run, Told

PUT_BACK = 0.2
"""Seconds within which jobs are put back that were in a turn behind a job that outran the quantum."""
BESIDE_A_CUT = 1.5
"""Seconds without a heartbeat before and after a cut: since the last one, and until the connection is back."""


@dataclass
class Verdict:
    """The result of a rule. `checked`: how many things it looked at; `broken`: the violations, in words."""

    checked: int = 0
    broken: list[str] = field(default_factory=list)


def nothing_lost(history: History) -> Verdict:
    """Check that every acknowledged job is there and has ended, and that one which succeeded did run.

    No job may be there that was refused, and none be there or run that nobody submitted.
    """
    verdict, runs = Verdict(), history.runs_of()
    for asked in history.asked.values():
        final = history.final.get(asked.user)
        if final is None:
            continue
        verdict.checked += 1
        told = final.get(asked.job)
        if told is None:
            if asked.known < NEVER:
                verdict.broken.append(f"{asked.job} was acknowledged and is not there")
        elif told.status not in FINISHED:
            verdict.broken.append(f"{asked.job} is {told.status} at the end")
        elif asked.refused_only:
            verdict.broken.append(f"{asked.job} was refused and is there")
        elif told.status == "succeeded" and all(run.ended == "fail" for run in runs.get(asked.job, ())):
            verdict.broken.append(f"{asked.job} succeeded without a run that did")
    strange = {job for final in history.final.values() for job in final} | set(runs)
    verdict.broken += [f"{job} was never submitted" for job in sorted(strange - set(history.asked))]
    return verdict


def never_twice_at_once(history: History) -> Verdict:
    """Check that the runs of one job do not overlap, unless a fault may have made the processor's lease run out.

    A run without a recorded end lasts until its process was last seen alive.
    """
    verdict = Verdict()
    for job, runs in history.runs_of().items():
        verdict.checked += 1
        for before, after in pairwise(runs):
            if after.start < before.end and not _lease_ran_out(history, before, after):
                early = "never ended" if before.end == NEVER else f"ended {before.end - after.start:.3f} s later"
                verdict.broken.append(f"{job} began attempt {after.attempt}; attempt {before.attempt} {early}")
    return verdict


def _lease_ran_out(history: History, before: Run, after: Run) -> bool:
    """Whether a fault between the two starts was long enough for the first processor's lease to run out."""
    least = history.setup.lease - 2 * BESIDE_A_CUT
    return any(
        until - since >= least and before.start <= until and since <= after.start for since, until in history.cuts
    )


def outcomes_stand(history: History) -> Verdict:
    """Check that a job's end, once told, stays the same and that the job does not run again, unless it is retried."""
    verdict, told_of, retries = Verdict(), defaultdict[str, list[Told]](list), defaultdict[str, list[Retry]](list)
    for told in history.told:
        told_of[told.job].append(told)
    for retry in history.retries:
        retries[retry.job].append(retry)
    runs = history.runs_of()
    for job, tellings in told_of.items():
        first: Told | None = None
        for told in tellings:
            if told.status not in FINISHED and first is None:
                continue
            verdict.checked += 1
            if first is None or told.begun < first.at:
                first = first or told
            elif (told.status, told.attempt) != (first.status, first.attempt):
                if not _may_have_changed(retries[job], first, told.at):
                    verdict.broken.append(
                        f"{job} was {first.status} at attempt {first.attempt} ({first.f}), then {told.status} at"
                        f" attempt {told.attempt} ({told.f})"
                    )
                first = told if told.status in FINISHED else None
        verdict.broken += _ran_after(job, tellings, runs.get(job, []), retries[job])
    return verdict


def _ran_after(job: str, tellings: list[Told], runs: list[Run], retries: list[Retry]) -> list[str]:
    ends = [told for told in tellings if told.status in FINISHED]
    late = [
        (told, run)
        for told in ends
        for run in runs
        if run.start > told.at and not _may_have_changed(retries, told, run.start)
    ]
    return [f"{job} ran again after it was told that it {told.status}" for told, _ in late[:1]]


def _may_have_changed(retries: list[Retry], since: Told, until: float) -> bool:
    """Whether a retry may have taken effect between the two. An event may come late, after a retry of the job."""
    begun = 0.0 if since.f == "completed" else since.begun
    return any(retry.begun <= until and retry.end >= begun for retry in retries)


def order_kept(history: History) -> Verdict:
    """Check that first attempts of a user begin in the order of submission, except for jobs in other processors' turns.

    The jobs that a job overtakes must fit into the turns of all processors but one.
    """
    verdict, runs = Verdict(), history.runs_of()
    first = {job: found[0].start for job, found in runs.items()}
    by_user: dict[str, list[Asked]] = defaultdict(list)
    for asked in history.asked.values():
        if asked.job in first and not asked.cancelled and not asked.retried:
            by_user[asked.user].append(asked)
    others, setup = history.setup.processors - 1, history.setup
    outran = [run for run in history.runs if run.end - run.start > setup.quantum and _tiny(history, run)]
    for user, jobs in by_user.items():
        room = others * (setup.quantum + max(job.duration for job in jobs))
        users = None if setup.flows == "shared" else user
        for job in jobs:
            verdict.checked += 1
            passed = [one for one in jobs if _precedes(one, job) and first[one.job] > first[job.job]]
            passed = [one for one in passed if not _excused(history, outran, users, one, first, job)]
            if sum(one.duration for one in passed) > room or len(passed) > others * setup.max_turn:
                verdict.broken.append(f"{job.job} began before {len(passed)} jobs of its user, such as {passed[0].job}")
    return verdict


def _tiny(history: History, run: Run) -> bool:
    """Whether the run's turn may hold other jobs behind it."""
    return run.job in history.asked and history.asked[run.job].duration < history.setup.quantum


def _precedes(one: Asked, other: Asked) -> bool:
    """Whether one was surely submitted before the other."""
    return one.index < other.index if one.request == other.request else one.known < other.begun


def _excused(
    history: History, outran: list[Run], user: str | None, late: Asked, first: dict[str, float], early: Asked
) -> bool:
    """Whether the late job may have been in a turn that was taken back, or behind a job that outran the quantum."""
    begun = first[early.job]
    if any(late.begun <= fault <= first[late.job] for fault in history.faults):
        return True
    return any(
        run.start < begun <= run.end + PUT_BACK and (user is None or history.asked[run.job].user == user)
        for run in outran
    )


def told_once(history: History) -> Verdict:
    """Check that each completion comes once to each listener, with rising ids, to its owner only, and that all come."""
    verdict, streams = Verdict(), defaultdict[str, list[Told]](list)
    for told in history.told:
        if told.f == "completed":
            streams[told.process].append(told)
    for process, tellings in streams.items():
        last, user = 0, tellings[0].user
        for told in tellings:
            verdict.checked += 1
            asked = history.asked.get(told.job)
            if told.number <= last:
                verdict.broken.append(f"{process} was told number {told.number} after {last}")
            if told.owner != user or asked is None or asked.user != user:
                verdict.broken.append(f"{process} was told of {told.job}, which is not theirs")
            last = max(last, told.number)
        heard = {(told.job, told.status, told.attempt) for told in tellings}
        for final in history.final.get(user, {}).values():
            if final.status in FINISHED and (final.job, final.status, final.attempt) not in heard:
                verdict.broken.append(f"{process} was never told that {final.job} {final.status}")
    return verdict


RULES: dict[str, Callable[[History], Verdict]] = {
    "nothing acknowledged is lost": nothing_lost,
    "nothing runs twice at once": never_twice_at_once,
    "no outcome is taken back": outcomes_stand,
    "first attempts begin in order": order_kept,
    "backlogged flows get their shares": lambda history: Verdict(*fairness(history)),
    "each completion is told once": told_once,
}


def check(history: History) -> dict[str, Verdict]:
    """Return the verdict of each rule, by name."""
    return {name: rule(history) for name, rule in RULES.items()}
