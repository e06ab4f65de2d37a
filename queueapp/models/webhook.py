"""Webhooks: addresses that are told of jobs that have ended."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from ..states import FINISHED
from ..user_model import active_users
from .owner import Owner

MAX_URL = 2_000
"""Maximum length of an address, in characters."""


class WebhookQuerySet(models.QuerySet["Webhook"]):
    def sending(self) -> WebhookQuerySet:
        """The webhooks that are switched on and whose users may log in."""
        return self.filter(enabled=True, owner__user__in=active_users())


class Webhook(models.Model):
    """One address that an owner's ends are sent to, signed with a secret that the owner has, too.

    The secrets are here as they are: signing needs them. Nothing shows them again.
    """

    owner = models.ForeignKey(Owner, on_delete=models.CASCADE, related_name="webhooks", db_index=False)
    url = models.CharField("address", max_length=MAX_URL, help_text="Each message is sent there by POST.")
    statuses = ArrayField(
        models.CharField(max_length=10, choices=[(status, status.value) for status in FINISHED]),
        help_text="The ends that it is told of.",
    )
    secret = models.CharField(max_length=100, editable=False)
    former_secret = models.CharField(max_length=100, blank=True, default="", editable=False)
    former_until = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Messages are signed with the former secret, too, until then."
    )
    enabled = models.BooleanField(default=True, help_text="Whether messages are sent.")
    off_reason = models.CharField(max_length=500, blank=True, default="", help_text="Why the queue switched it off.")
    failures = models.PositiveIntegerField(default=0, help_text="Messages in a row that could not be delivered.")
    after = models.BigIntegerField(editable=False, help_text="It is told of completions after this number.")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = WebhookQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            # Readers: an owner's webhooks; those that a completion is sent to.
            models.UniqueConstraint(fields=["owner", "url"], name="webhook_url_once"),
        ]

    def __str__(self) -> str:
        return self.url
