"""The endpoints of webhooks. No API key may use them: one that leaked could send a user's jobs elsewhere."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response

from ..lifecycle.webhooks import (
    NewWebhook,
    WebhookChange,
    change_webhook,
    make_webhook,
    parse_webhook,
    rotate_secret,
)
from ..models import Owner, Webhook
from ..notices.log import log_of
from ..notices.webhooks import send_again, send_test
from . import schemas
from .base import ERRORS, PROBLEM, ProtectedView
from .described import described
from .whose import asking

ALL = {403: PROBLEM, **ERRORS}
OF_ONE = {404: PROBLEM, **ALL}
TAKEN = OpenApiResponse(schemas.Problem, "You have a webhook with this address, or as many as one user may have.")
FULL = OpenApiResponse(schemas.Problem, "Too many messages of yours wait.")


class WebhooksView(ProtectedView):
    """My webhooks."""

    @described(
        operation_id="webhooks_list",
        summary="List my webhooks, the oldest first",
        responses={200: schemas.Webhooks, **ALL},
    )
    def get(self, request: Request) -> Response:
        hooks = Webhook.objects.filter(owner__user=asking(request).pk)
        return Response({"results": [_shown(hook) for hook in hooks]})

    @described(
        operation_id="webhooks_create",
        summary="Make a webhook, which is told of what ends from now on",
        request=NewWebhook,
        responses={
            201: OpenApiResponse(schemas.WebhookWithSecret, "Made. The secret is in this answer, and in no other."),
            409: TAKEN,
            **ALL,
        },
    )
    def post(self, request: Request) -> Response:
        asked = parse_webhook(NewWebhook, request.data)
        return Response(_with_secret(make_webhook(Owner.objects.of_user(asking(request)), asked)), 201)


class WebhookView(ProtectedView):
    """One of my webhooks."""

    @described(operation_id="webhooks_get", summary="Show a webhook", responses={200: schemas.Webhook, **OF_ONE})
    def get(self, request: Request, webhook: int) -> Response:
        return Response(_shown(_mine(request, webhook)))

    @described(
        operation_id="webhooks_change",
        summary="Change a webhook, or switch it on or off",
        request=WebhookChange,
        responses={200: schemas.Webhook, 409: TAKEN, **OF_ONE},
    )
    def patch(self, request: Request, webhook: int) -> Response:
        asked = parse_webhook(WebhookChange, request.data)
        return Response(_shown(change_webhook(_mine(request, webhook), asked)))

    @described(
        operation_id="webhooks_delete",
        summary="Delete a webhook: messages that wait are not sent",
        responses={204: None, **OF_ONE},
    )
    def delete(self, request: Request, webhook: int) -> Response:
        _mine(request, webhook).delete()
        return Response(status=204)


class RotateView(ProtectedView):
    """Another secret."""

    @described(
        operation_id="webhooks_rotate",
        summary="Give a webhook another secret; for a day messages are signed with the former one, too",
        request=None,
        responses={
            200: OpenApiResponse(schemas.WebhookWithSecret, "The secret is in this answer, and in no other."),
            **OF_ONE,
        },
    )
    def post(self, request: Request, webhook: int) -> Response:
        return Response(_with_secret(rotate_secret(_mine(request, webhook))))


class TestView(ProtectedView):
    """A message that is only a test."""

    @described(
        operation_id="webhooks_test",
        summary="Send a test message, of the type webhook.test",
        request=None,
        responses={202: OpenApiResponse(schemas.NewDelivery, "It will be sent."), 429: FULL, **OF_ONE},
    )
    def post(self, request: Request, webhook: int) -> Response:
        return Response({"id": send_test(_mine(request, webhook))}, 202)


class DeliveriesView(ProtectedView):
    """What came of messages."""

    @described(
        operation_id="webhooks_deliveries",
        summary="List the newest 50 deliveries of a webhook",
        responses={200: schemas.Deliveries, **OF_ONE},
    )
    def get(self, request: Request, webhook: int) -> Response:
        return Response({"results": log_of(_mine(request, webhook))})


class SendAgainView(ProtectedView):
    """One message once more."""

    @described(
        operation_id="webhooks_send_again",
        summary="Send a message again, with the same webhook-id",
        request=None,
        responses={202: OpenApiResponse(schemas.NewDelivery, "It will be sent."), 429: FULL, **OF_ONE},
    )
    def post(self, request: Request, webhook: int, delivery: str) -> Response:
        again = send_again(_mine(request, webhook), delivery)
        if again is None:
            raise Http404
        return Response({"id": again}, 202)


def _mine(request: Request, webhook: int) -> Webhook:
    """Return the webhook of the one who asks. Raises Http404, also for somebody else's."""
    hook = Webhook.objects.filter(pk=webhook, owner__user=asking(request).pk).first()
    if hook is None:
        raise Http404
    return hook


def _shown(hook: Webhook) -> dict[str, Any]:
    return {name: getattr(hook, name) for name in schemas.Webhook.model_fields}


def _with_secret(hook: Webhook) -> dict[str, Any]:
    return {**_shown(hook), "secret": hook.secret}
