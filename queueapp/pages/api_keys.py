"""The page of a user's API keys. It works without scripts; keys.js adds a button that copies a new key."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from ..db.clock import DatabaseClock, database_now
from ..errors import FieldError, InvalidKey, TooManyKeys
from ..lifecycle.api_keys import make_key, parse_key, revoke_key
from ..models import ApiKey
from ..models.api_key import MAX_NAME, Scope

LIVES = {
    "30": gettext_lazy("30 days"),
    "90": gettext_lazy("90 days"),
    "365": gettext_lazy("a year"),
    "": gettext_lazy("until it is revoked"),
}
"""How long a new key may live: days, and the words for them."""
USUAL_LIFE = "90"
USUAL_SCOPES = [Scope.SUBMIT, Scope.READ, Scope.CANCEL]


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def api_keys(request: HttpRequest) -> HttpResponse:
    """Return the page. POST makes a key, and the page shows it this once: it is nowhere else, not in the session."""
    if request.method != "POST":
        return _page(request, {"name": "", "scopes": USUAL_SCOPES, "life": USUAL_LIFE})
    name, scopes = request.POST.get("name", "").strip(), request.POST.getlist("scopes")
    life = request.POST.get("life", USUAL_LIFE)
    given = {"name": name, "scopes": scopes, "life": life}
    try:
        key, text = make_key(_user(request), parse_key({"name": name, "scopes": scopes, "expires_at": _end(life)}))
    except InvalidKey as wrong:
        errors = {error.field.partition(".")[0]: error.message for error in wrong.errors}
        return _page(request, {**given, "errors": errors}, status=400)
    except TooManyKeys as wrong:
        return _page(request, {**given, "refused": str(wrong)}, status=409)
    return _page(request, {"scopes": USUAL_SCOPES, "life": USUAL_LIFE, "made": key, "text": text})


@never_cache
@login_required
@require_POST
def revoke(request: HttpRequest, prefix: str) -> HttpResponse:
    """Revoke a key, and return to the page. Somebody else's key is as good as none."""
    revoke_key(_user(request), prefix)
    return redirect("queueapp:api-keys")


def _page(request: HttpRequest, form: dict[str, Any], status: int = 200) -> HttpResponse:
    user = _user(request)
    keys = ApiKey.objects.filter(user_id=user.pk).annotate(now=DatabaseClock())
    scopes = [scope for scope in Scope if scope is not Scope.STAFF or getattr(user, "is_staff", False)]
    context = {
        "keys": [{"key": key, "may": _may(key), "over": key.expires_at and key.expires_at <= key.now} for key in keys],
        "all_scopes": [(scope.value, scope.label) for scope in scopes],
        "lives": LIVES.items(),
        "longest_name": MAX_NAME,
        **form,
    }
    return render(request, "queueapp/api_keys.html", context, status=status)


def _end(life: str) -> datetime | None:
    """Return the end of a key that is made now and lives so many days. Raises InvalidKey."""
    if life not in LIVES:
        raise InvalidKey([FieldError("expires_at", gettext("choose one of the list"))])
    return database_now() + timedelta(days=int(life)) if life else None


def _may(key: ApiKey) -> str:
    return ", ".join(str(scope.label) for scope in Scope if scope in key.scopes)


def _user(request: HttpRequest) -> AbstractBaseUser:
    return cast(AbstractBaseUser, request.user)
