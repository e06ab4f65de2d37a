"""The choice of e-mail digests, and which of them are due."""

from __future__ import annotations

from django.db import transaction

from ..db.clock import database_now
from ..models import Digest, Owner

BATCH_DIGESTS = 200
"""Maximum number of digests that are found due at once."""


def choose_digest(owner: Owner, period: Digest.Period | None, page: str, number: int) -> None:
    """Note how often an owner gets a digest; None: never. The first one is due after a period.

    `page`: the absolute address of the page with this choice. `number`: the owner's last completion, after which the
    first digest begins; a change of the period keeps the present one.
    """
    if period is None:
        Digest.objects.filter(owner=owner).delete()
        return
    chosen = Digest(owner=owner, period=period, page=page, number=number)
    chosen.next_at = database_now() + chosen.every
    Digest.objects.bulk_create(
        [chosen], update_conflicts=True, unique_fields=["owner"], update_fields=["period", "next_at", "page"]
    )


@transaction.atomic
def take_due() -> list[tuple[int, int]]:
    """Return owners whose digests are due, each with a number of that period. The next ones follow a period later.

    Periods that passed meanwhile are left out. Call it in the transaction that submits them. Locks: their rows; those
    that others have locked are skipped.
    """
    now = database_now()
    due = list(Digest.objects.select_for_update(skip_locked=True).filter(next_at__lte=now)[:BATCH_DIGESTS])
    taken = [(digest.owner_id, int(digest.next_at.timestamp() * 1e6)) for digest in due]
    for digest in due:
        digest.next_at += digest.every * ((now - digest.next_at) // digest.every + 1)
    Digest.objects.bulk_update(due, ["next_at"])
    return taken
