"""The log of a webhook: what came of its newest messages, as its jobs have it."""

from __future__ import annotations

from typing import Annotated, Any

from django.db.models.fields.json import KT
from pydantic import Field
from typing_extensions import TypedDict

from ..models import Job, Webhook
from ..snapshots import job_dicts
from ..snapshots.search import search
from ..snapshots.shapes import Moment
from ..states import Status
from .webhooks import queue_owner

MAX_SHOWN = 50
"""Maximum number of deliveries in a log."""


class Delivery(TypedDict):
    """What came of one message."""

    id: str
    message: Annotated[str, Field(description="The header webhook-id. A message that is sent again keeps it.")]
    about: Annotated[str, Field(description="The job and its end.")]
    status: Annotated[Status, Field(description="Of the delivery: queued also between two attempts.")]
    attempts: Annotated[int, Field(description="How often it was sent so far.")]
    submitted_at: Moment
    sent_at: Annotated[Moment | None, Field(description="When the last attempt began; null: none did.")]
    answer_status: Annotated[int | None, Field(description="The status that the receiver answered; null: see error.")]
    answer: Annotated[str, Field(description="How that answer begins.")]
    milliseconds: int | None
    error: Annotated[str, Field(description="Why the last attempt failed; empty: it did not.")]


def log_of(hook: Webhook, size: int = MAX_SHOWN) -> list[Delivery]:
    """Return the newest deliveries of a webhook, newest first. They are kept as long as finished jobs."""
    found = search(queue_owner(hook.owner_id).pk, {"prefix": f"{hook.pk}-"}, beyond=None, descending=True, size=size)
    texts = {"message": KT("payload__message"), "about": KT("payload__about")}
    rows = list(Job.objects.listed().filter(pk__in=found.jobs).annotate(**texts).order_by("-pk"))
    return [_delivery(row, job) for row, job in zip(rows, job_dicts(rows), strict=True)]


def _delivery(row: Any, job: Any) -> Delivery:
    last = job["attempts"][-1] if job["attempts"] else None
    result = job["result"] or {}
    failed = job["error"] or ("" if last is None or result else last["error"])
    return {
        "id": job["job_id"],
        "message": row.message,
        "about": row.about,
        "status": job["status"],
        "attempts": max(job["attempt"], last["attempt"] if last else 0),
        "submitted_at": job["submitted_at"],
        "sent_at": job["started_at"] or (last["started_at"] if last else None),
        "answer_status": result.get("status"),
        "answer": result.get("answer", ""),
        "milliseconds": result.get("milliseconds"),
        "error": failed,
    }
