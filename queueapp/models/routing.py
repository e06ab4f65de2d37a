"""How far owners have been routed by the priority rules: what route.py still has to do."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class RuleChange(models.Model):
    """A note that a rule, what it names, or the members of a group changed, and that no pass has begun since.

    Triggers write it in the transaction of the change, whether the admin, a bulk update or plain SQL makes it; repair()
    in sweep.py writes one, too. The pass that follows it deletes it.
    """

    made_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.made_at:%Y-%m-%d %H:%M:%S}"


class Routing(models.Model):
    """The passes that route all owners. One row. No row: no pass has begun yet.

    A pass goes through the owners by id, one batch per transaction. Any process does the next batch, so one that dies
    leaves nothing undone.
    """

    followed = models.DateTimeField(null=True, help_text="Rules that began or ended by then were followed.")
    begun = models.DateTimeField(null=True, help_text="When the pass under way began; empty: none is.")
    last_owner = models.BigIntegerField(default=0, help_text="The last owner that the pass under way has routed.")

    def __str__(self) -> str:
        return f"{self.followed}"
