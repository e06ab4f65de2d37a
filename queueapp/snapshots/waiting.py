"""Builds shapes.WaitExplained: why one job waits, and what that follows from."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from ..models import FlowState, Job, Waiting, at_one_moment
from ..policy.accuracy import Accuracy
from ..policy.projection import Standing
from ..policy.wait_reason import WaitFacts, wait_reason
from . import shapes
from .fleet import fleet_now
from .pauses import Pauses
from .positions import positions
from .queues import start_of
from .shapes import iso
from .wait_sentence import wait_sentence


def explain_wait(job: Job, accuracy: Accuracy) -> shapes.WaitExplained | None:
    """Return why a job waits; None if it does not. A fixed number of queries.

    `accuracy`: how exact estimates were lately, for the range of the start.
    """
    with at_one_moment() as now:
        waiting = Waiting.objects.filter(owner=job.owner_id, job=job.pk).first()
        return None if waiting is None else _explained(job, waiting, accuracy, now)


def _explained(job: Job, waiting: Waiting, accuracy: Accuracy, now: datetime) -> shapes.WaitExplained:
    fleet, paused = fleet_now(now), Pauses().sentence(job.owner_id, [job.task])
    states = FlowState.objects.select_related("flow__rule", "flow__owner__user")
    state = states.filter(flow=waiting.flow_id or job.owner.flow_id).first()
    standing = Standing(active=False) if state is None else Standing(state.terms, state.vtime, state.is_active)
    place = positions([(waiting.flow_id, waiting.place, job.pk)]).get(job.pk)
    moment = waiting.not_before if waiting.not_before and waiting.not_before > now else None
    start = start_of(job.pk, None if paused else place, None if paused else moment, standing, fleet, now)
    before = others = None
    if place is not None:
        before = place.position - 1
        all_before = fleet.projection.number_before(standing, job.pk, place.ahead)
        others = None if all_before is None else max(all_before - before, 0)
    facts = WaitFacts(
        paused=paused, note=waiting.note, attempt=waiting.attempt, due=moment is None,
        joined=waiting.flow_id is not None, before=before, others_before=others, **_of_flow(state), **fleet.processors,
    )  # fmt: skip
    reason = wait_reason(facts)
    owed = fleet.owed(standing)
    return {
        "reason": reason,
        "sentence": wait_sentence(reason, facts),
        "not_before": iso(moment),
        **_start(start["estimated_start"], accuracy, now, exact=moment is not None),
        "jobs_before": before,
        "others_before": others,
        "rule": facts.rule,
        "running": facts.running,
        "share": {
            **owed,
            "owed": 0.0 if paused else owed["owed"],
            "flow": job.owner.name if state is None else state.flow.name,
            "own": state is not None and state.flow.owner_id == job.owner_id,
        },
        "processors": fleet.processors,
    }


def _of_flow(state: FlowState | None) -> dict[str, Any]:
    """Return what WaitFacts has of the job's flow."""
    if state is None:
        return {}
    flow = state.flow
    return {
        "held": state.held,
        "flow": flow.name if flow.owner is None else None,
        "rule": None if flow.rule is None else flow.rule.name,
        "cap": state.cap,
        "running": state.busy,
    }


def _start(estimated: str | None, accuracy: Accuracy, now: datetime, *, exact: bool) -> shapes.ExpectedStart:
    """Return the estimated start with its range. A moment that was asked for has none."""
    found: shapes.ExpectedStart = {"estimated_start": estimated, "earliest": None, "latest": None, "held": None}
    if estimated is None or exact:
        return found
    seconds = (datetime.fromisoformat(estimated) - now).total_seconds()
    if (factors := accuracy.factors(seconds)) is not None:
        found["earliest"] = iso(now + timedelta(seconds=seconds * factors.earliest))
        found["latest"] = iso(now + timedelta(seconds=seconds * factors.latest))
        found["held"] = None if accuracy.held is None else round(accuracy.held, 2)
    return found
