"""The pages of notices: how a user is told of jobs that ended. They work without scripts."""

from __future__ import annotations

from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AbstractBaseUser
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from ..conf import queue_settings
from ..errors import BacklogFull, InvalidWebhook, TooManyWebhooks
from ..lifecycle.digests import choose_digest
from ..lifecycle.webhooks import (
    NewWebhook,
    WebhookChange,
    change_webhook,
    make_webhook,
    parse_webhook,
    rotate_secret,
)
from ..models import Digest, Owner, Webhook
from ..models.webhook import MAX_URL
from ..notices import has_webhooks
from ..notices.log import Delivery, log_of
from ..notices.webhooks import send_again, send_test
from ..snapshots import last_number
from ..states import FINISHED, Status
from ..user_model import email_of
from .rows import moment

MAX_LOG = 20
"""Maximum number of deliveries on the page of a webhook."""
_STATES = {
    Status.QUEUED: gettext_lazy("Waits"),
    Status.RUNNING: gettext_lazy("Is being sent"),
    Status.SUCCEEDED: gettext_lazy("Delivered"),
    Status.FAILED: gettext_lazy("Not delivered"),
    Status.CANCELLED: gettext_lazy("Cancelled"),
}


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def notices(request: HttpRequest) -> HttpResponse:
    """Return the page of all choices. POST makes a webhook, whose secret the page shows this once."""
    if request.method != "POST":
        return _page(request, {"url": "", "statuses": list(FINISHED)})
    if not has_webhooks():
        raise Http404
    given = {"url": request.POST.get("url", "").strip(), "statuses": request.POST.getlist("statuses")}
    try:
        hook = make_webhook(_owner(request), parse_webhook(NewWebhook, given))
    except InvalidWebhook as wrong:
        errors = {error.field.partition(".")[0]: error.message for error in wrong.errors}
        return _page(request, {**given, "errors": errors}, status=400)
    except TooManyWebhooks as wrong:
        return _page(request, {**given, "refused": str(wrong)}, status=409)
    return _page(request, {"statuses": list(FINISHED), "made": hook})


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def webhook(request: HttpRequest, webhook: int) -> HttpResponse:
    """Return the page of one webhook: what came of its messages, and what can be done with it. POST does it: `do` is
    on, off, test, send (with `delivery`), rotate or delete.
    """
    hook = get_object_or_404(Webhook, pk=webhook, owner__user=request.user.pk)
    if request.method != "POST":
        return _one(request, hook)
    do = request.POST.get("do")
    try:
        if do == "rotate":
            hook = rotate_secret(hook)
            return _one(request, hook, {"made": hook})
        if do == "delete":
            hook.delete()
            return redirect("queueapp:notices")
        _change(hook, do, request.POST.get("delivery", ""))
    except BacklogFull as full:
        return _one(request, hook, {"refused": str(full)}, status=429)
    return redirect("queueapp:webhook-page", hook.pk)


@never_cache
@login_required
@require_POST
def digest(request: HttpRequest) -> HttpResponse:
    """Note how often the user gets an e-mail, and return to the page."""
    if not queue_settings().DIGESTS:
        raise Http404
    owner, given = _owner(request), request.POST.get("period", "")
    if given and given not in Digest.Period:
        raise Http404
    page = request.build_absolute_uri(resolve_url("queueapp:notices"))
    choose_digest(owner, Digest.Period(given) if given else None, page, last_number(owner.pk))
    return redirect("queueapp:notices")


def _change(hook: Webhook, do: str | None, delivery: str) -> None:
    """Do what a form asks for. Raises BacklogFull, and Http404 if there is no such thing to do."""
    if do in ("on", "off"):
        change_webhook(hook, WebhookChange(enabled=do == "on"))
    elif do == "test":
        send_test(hook)
    elif do != "send" or send_again(hook, delivery) is None:
        raise Http404


def _page(request: HttpRequest, form: dict[str, Any], status: int = 200) -> HttpResponse:
    hooks = list(Webhook.objects.filter(owner__user=request.user.pk))
    chosen = Digest.objects.filter(owner__user=request.user.pk).first()
    context = {
        "digests": queue_settings().DIGESTS,
        "address": email_of(cast(AbstractBaseUser, request.user)),
        "period": chosen.period if chosen is not None else "",
        "periods": [("", gettext("never")), *Digest.Period.choices],
        "has_webhooks": has_webhooks(),
        "hooks": hooks,
        "hooks_on": sum(hook.enabled for hook in hooks),
        "all_statuses": FINISHED,
        "longest_url": MAX_URL,
        **form,
    }
    return render(request, "queueapp/notices.html", context, status=status)


def _one(request: HttpRequest, hook: Webhook, said: dict[str, Any] | None = None, status: int = 200) -> HttpResponse:
    context = {"hook": hook, "log": [_row(one) for one in log_of(hook, MAX_LOG)], **(said or {})}
    return render(request, "queueapp/webhook.html", context, status=status)


def _row(one: Delivery) -> dict[str, Any]:
    at = moment(one["sent_at"] or one["submitted_at"])
    return {
        **one,
        "about": _about(one["about"]),
        "state": _STATES[one["status"]],
        "at": at,
        "bad": one["status"] == Status.FAILED,
    }


def _about(text: str) -> str:
    """Return what a message is about, which is stored in English: "a test", or a job and its end."""
    job, _, end = text.rpartition(" ")
    return f"{job} {gettext(end)}" if end in FINISHED else gettext(text)


def _owner(request: HttpRequest) -> Owner:
    return Owner.objects.of_user(cast(AbstractBaseUser, request.user))
