"""Links to one job for somebody without an account: made, found and revoked."""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
from collections.abc import Collection
from datetime import timedelta

from django.db import transaction

from ..db.clock import DatabaseClock, database_now
from ..errors import TooManyShares
from ..models import Job, JobShare, Owner
from ..models.job_share import Shows

logger = logging.getLogger(__name__)

MAX_SHARES = 20
"""Maximum number of links to one job."""
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")


def share(job: Job, shows: Collection[Shows], life: timedelta) -> str:
    """Make a link to a job, for so long. Return its secret, which cannot be had again.

    Raises TooManyShares. Locks the owner's row, so that of many requests at once none exceeds MAX_SHARES.
    """
    secret = secrets.token_urlsafe(32)
    with transaction.atomic():
        Owner.objects.select_for_update(no_key=True).get(pk=job.owner_id)
        JobShare.objects.filter(job=job, expires_at__lte=DatabaseClock()).delete()
        if JobShare.objects.filter(job=job).count() >= MAX_SHARES:
            raise TooManyShares(MAX_SHARES)
        JobShare.objects.create(
            job=job, digest=_digest(secret), shows=[one for one in Shows if one in shows],
            expires_at=database_now() + life,
        )  # fmt: skip
    return secret


def shares_of(job: Job) -> list[JobShare]:
    """Return the links to a job that work."""
    return list(JobShare.objects.filter(job=job, expires_at__gt=DatabaseClock()))


def revoke_share(job: Job, share: int) -> bool:
    """Revoke a link to a job, by its key. Return whether there was one."""
    found, _ = JobShare.objects.filter(job=job, pk=share).delete()
    if found:
        logger.info("Owner %s revoked link %s to job %s.", job.owner_id, share, job.pk)
    return bool(found)


def find_share(secret: str) -> JobShare | None:
    """Return the link with this secret, with its job and owner. One query.

    None, whichever it is: a wrong secret, a link that has expired or was revoked, a job that is gone, or an owner who
    is no active user.
    """
    if not _SECRET.fullmatch(secret):
        return None
    found = JobShare.objects.filter(digest=_digest(secret), expires_at__gt=DatabaseClock())
    share = found.select_related("job__owner__user").first()
    if share is None:
        return None
    user = share.job.owner.user
    return share if user is not None and user.is_active else None


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
