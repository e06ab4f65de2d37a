"""The fairness bound, by the checker's own formula, over the runs that tasks recorded. Shares no code with the product.

For flows f and g that both have a backlog throughout an interval, on P processors, with a quantum of q seconds:

    | S_f / w_f - S_g / w_g |  <=  (P + 1) * ((c_f + 2q) / w_f + (c_g + 2q) / w_g)

S: seconds that a flow's tasks ran in the interval. c: seconds of its longest job, declared or real. w: its weight.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations, pairwise

from bench.histories.history import NEVER, History, Run, Setup

BESIDE = 0.001
"""Seconds that a run costs outside of its task, at most on average."""
Span = tuple[float, float]


def fairness(history: History) -> tuple[int, list[str]]:
    """Return the number of spans in which a pair of flows had a backlog, and the violations of the bound, in words.

    Checks nothing if users share a flow.
    """
    setup, runs = history.setup, _runs_by_user(history)
    if setup.flows != "own":
        return 0, []
    backlogs = {user: _backlogged(history, user) for user in runs}
    longest = {user: _longest(history, user, runs[user]) for user in runs}
    checked, broken = 0, []
    for one, other in combinations(sorted(runs), 2):
        for span in _common(backlogs[one], backlogs[other]):
            checked += 1
            got, bound = _gap(setup, runs, one, other, span), _bound(setup, longest, one, other)
            if got > bound:
                broken.append(
                    f"{one} and {other} are {got:.3f} s apart in {span[1] - span[0]:.3f} s, bound {bound:.3f}"
                )
    return checked, broken


def _runs_by_user(history: History) -> dict[str, list[Run]]:
    found: dict[str, list[Run]] = defaultdict(list)
    for run in history.runs:
        if run.job in history.asked and run.end < NEVER:
            found[history.asked[run.job].user].append(run)
    return found


def _longest(history: History, user: str, runs: list[Run]) -> float:
    declared = (asked.duration for asked in history.asked.values() if asked.user == user)
    return max([*declared, *(run.end - run.start for run in runs)])


def _backlogged(history: History, user: str) -> list[Span]:
    """Return the spans in which the user surely had a backlog: more waited than the turns of all processors hold."""
    first: dict[str, float] = {}
    for run in history.runs:
        first.setdefault(run.job, run.start)
    waiting = [
        job
        for job in history.asked.values()
        if job.user == user and job.known < first.get(job.job, NEVER) and job.job in first and not job.cancelled
    ]
    if not waiting:
        return []
    setup = history.setup
    least = setup.processors * (2 * setup.quantum + max(job.duration for job in waiting))
    changes = sorted(
        [(job.known, job.duration) for job in waiting] + [(first[job.job], -job.duration) for job in waiting]
    )
    spans, have, since = [], 0.0, NEVER
    for at, more in changes:
        have += more
        if have > least and since == NEVER:
            since = at
        elif have <= least and since < NEVER:
            spans.append((since, at))
            since = NEVER
    return spans


def _common(ours: list[Span], theirs: list[Span]) -> list[Span]:
    found = [(max(a, c), min(b, d)) for a, b in ours for c, d in theirs]
    return [(begin, end) for begin, end in found if begin < end]


def _bound(setup: Setup, longest: dict[str, float], one: str, other: str) -> float:
    return (setup.processors + 1) * sum(
        (longest[user] + 2 * setup.quantum) / setup.weights.get(user, 1.0) for user in (one, other)
    )


def _gap(setup: Setup, runs: dict[str, list[Run]], one: str, other: str, span: Span) -> float:
    """Return the largest gap in service per weight, in any interval within the span, less the cost outside of tasks."""
    rates: dict[float, float] = defaultdict(float)  # by moment: the change of the difference in service per second
    jumps: dict[float, float] = defaultdict(float)  # by moment: runs that ended, by weight
    for user, sign in ((one, 1.0), (other, -1.0)):
        share = sign / setup.weights.get(user, 1.0)
        for run in runs[user]:
            begin, end = max(run.start, span[0]), min(run.end, span[1])
            if begin < end:
                rates[begin] += share
                rates[end] -= share
                jumps[end] += share
    moments = sorted(rates)
    rate = ahead = count = 0.0
    lead, counts = [0.0], [0.0]
    for at, until in pairwise(moments):
        rate += rates[at]
        count += jumps[at]
        ahead += rate * (until - at)
        lead.append(ahead)
        counts.append(count)
    return max(lead) - min(lead) - BESIDE * (max(counts) - min(counts))
