"""Webhooks: made, changed, rotated and switched off."""

from __future__ import annotations

import base64
import logging
import secrets
from collections.abc import Collection
from datetime import timedelta
from ipaddress import ip_network
from typing import Annotated, Any, TypeVar

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext
from pydantic import BaseModel, ConfigDict, Field, ValidationError, WithJsonSchema, field_validator
from pydantic_core import Url

from ..conf import queue_settings
from ..db.clock import database_now
from ..errors import FieldError, InvalidWebhook, TooManyWebhooks, WebhookTaken
from ..models import Owner, SignalCursor, Webhook
from ..models.webhook import MAX_URL
from ..policy.addresses import Network, may_reach, parse_address
from ..states import FINISHED, Status
from .validation import field_errors

logger = logging.getLogger(__name__)

MAX_WEBHOOKS = 10
"""Maximum number of webhooks of one owner."""
FORMER_FOR = timedelta(days=1)
"""Time for which messages are signed with the former secret, too."""
ROTATION_APART = timedelta(minutes=1)
SECRET_BYTES = 32

_LAST_NUMBER = "SELECT last_value - (NOT is_called)::int FROM queueapp_outcome_number"

Statuses = Annotated[
    list[Annotated[Status, Field(strict=False), WithJsonSchema({"type": "string", "enum": list(FINISHED)})]],
    Field(min_length=1, max_length=len(FINISHED), description="The ends that it is told of."),
]


def _safe_url(value: str) -> str:
    """Return the address in its usual form. Raises ValueError if nothing may be sent there."""
    try:
        url = Url(value)
    except ValueError:
        raise ValueError(gettext("is not an address such as https://example.org/hook")) from None
    networks = private_networks()
    if url.scheme != "https" and not (url.scheme == "http" and networks):
        raise ValueError(gettext("must begin with https://"))
    if url.username or url.password:
        raise ValueError(gettext("must not have a user name or a password"))
    if url.fragment is not None:
        raise ValueError(gettext("must not have a fragment (#)"))
    address = parse_address(url.host or "")
    if address is not None and not may_reach(address, networks, encrypted=url.scheme == "https"):
        raise ValueError(gettext("leads to an address that this site does not send to"))
    if len(str(url)) > MAX_URL:
        raise ValueError(gettext("must have at most %(most)s characters") % {"most": MAX_URL})
    return str(url)


class _Fields(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @field_validator("url", mode="after", check_fields=False)
    @classmethod
    def _url(cls, value: str | None) -> str | None:
        return None if value is None else _safe_url(value)

    @field_validator("statuses", mode="after", check_fields=False)
    @classmethod
    def _ends(cls, value: list[Status] | None) -> list[Status] | None:
        if value is None:
            return None
        if others := [status.value for status in value if status not in FINISHED]:
            text = gettext("%(name)s is not an end; there are: %(ends)s")
            raise ValueError(text % {"name": repr(others[0]), "ends": ", ".join(FINISHED)})
        return [status for status in FINISHED if status in value]


class NewWebhook(_Fields):
    """A webhook as it is asked for."""

    url: str = Field(
        max_length=MAX_URL,
        description="An https address; each message is sent there by POST.",
        json_schema_extra={"format": "uri"},
    )
    statuses: Statuses = Field(default=list(FINISHED))


class WebhookChange(_Fields):
    """Other values of a webhook. Fields that are left out stay as they are."""

    url: str | None = Field(default=None, max_length=MAX_URL, json_schema_extra={"format": "uri"})
    statuses: Statuses | None = None
    enabled: bool | None = Field(default=None, description="True: messages are sent of what ends from now on.")


F = TypeVar("F", bound=_Fields)


def parse_webhook(shape: type[F], data: Any) -> F:
    """Return the fields that are asked for. Raises InvalidWebhook."""
    try:
        return shape.model_validate(data)
    except ValidationError as wrong:
        raise InvalidWebhook(list(field_errors(wrong, "body"))) from None


def private_networks() -> list[Network]:
    """Return the networks that webhooks may reach though they are not public."""
    return [ip_network(network) for network in queue_settings().WEBHOOK_PRIVATE_NETWORKS]


def make_webhook(owner: Owner, asked: NewWebhook) -> Webhook:
    """Make a webhook of this owner, which is told of what ends from now on. Return it, with its secret.

    Raises WebhookTaken, TooManyWebhooks. Locks the owner's row, so that of many requests at once none exceeds
    MAX_WEBHOOKS.
    """
    try:
        with transaction.atomic():
            Owner.objects.select_for_update(no_key=True).get(pk=owner.pk)
            if Webhook.objects.filter(owner=owner).count() >= MAX_WEBHOOKS:
                raise TooManyWebhooks(MAX_WEBHOOKS)
            return Webhook.objects.create(
                owner=owner, url=asked.url, statuses=asked.statuses, secret=new_secret(), after=_from_now_on()
            )
    except IntegrityError:
        raise _taken() from None


def change_webhook(hook: Webhook, asked: WebhookChange) -> Webhook:
    """Change a webhook, and return it.

    One that is switched on is told of what ends from now on. Raises WebhookTaken.
    """
    fields: dict[str, Any] = asked.model_dump(exclude_none=True)
    if asked.enabled is not None:
        fields |= {"off_reason": "", "failures": 0}
    if asked.enabled and not hook.enabled:
        fields["after"] = _from_now_on()
    for name, value in fields.items():
        setattr(hook, name, value)
    if fields:
        try:
            with transaction.atomic():
                hook.save(update_fields=list(fields))
        except IntegrityError:
            raise _taken() from None
    return hook


def rotate_secret(hook: Webhook) -> Webhook:
    """Give a webhook another secret, and return it. For a day messages are signed with the former one, too.

    Repeated within a minute, it returns the same one: else a button that is pressed twice would drop the secret that
    receivers have. Locks the webhook's row.
    """
    with transaction.atomic():
        hook = Webhook.objects.select_for_update().get(pk=hook.pk)
        until = database_now() + FORMER_FOR
        if hook.former_until is None or until - hook.former_until >= ROTATION_APART:
            hook.former_secret, hook.former_until, hook.secret = hook.secret, until, new_secret()
            hook.save(update_fields=["secret", "former_secret", "former_until"])
    return hook


def switch_off(hooks: Collection[int], reason: str) -> None:
    """Switch webhooks off, and say why. The messages that wait are not sent."""
    if Webhook.objects.filter(pk__in=hooks, enabled=True).update(enabled=False, off_reason=reason):
        logger.warning("The webhooks %s were switched off: %s", ", ".join(map(str, sorted(hooks))), reason)


def new_secret() -> str:
    """Return a secret as Standard Webhooks has it."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def _from_now_on() -> int:
    """Return the number of the last completion, and make sure that those after it are looked at."""
    with connection.cursor() as cursor:
        cursor.execute(_LAST_NUMBER)
        number = int(cursor.fetchone()[0])
    SignalCursor.objects.get_or_create(pk=1, defaults={"number": number})
    return number


def _taken() -> WebhookTaken:
    return WebhookTaken([FieldError("url", gettext("you have a webhook with this address already"))])
