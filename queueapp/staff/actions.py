"""The page that asks before an operator's action is done, and does it."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from .access import for_operators
from .ask import Ask, Refused
from .forms import FORMS
from .kept import forget
from .pages import PAGES


@transaction.non_atomic_requests  # each action commits by itself
@for_operators
@require_http_methods(["GET", "HEAD", "POST"])
def act(request: HttpRequest, name: str) -> HttpResponse:
    """Return the page that asks. POST: do it, and return to the page that it came from. 404: it is gone."""
    if name not in FORMS:
        raise Http404
    if request.method != "POST":
        return _page(request, FORMS[name](initial=request.GET.dict()))
    form = FORMS[name](request.POST)
    if not form.is_valid():
        return _page(request, form, 400)
    try:
        said = form.act(cast(AbstractBaseUser, request.user))
    except Refused as why:
        form.add_error(None, str(why))
        return _page(request, form, 409)
    forget()
    messages.success(request, said, fail_silently=True)
    return redirect(f"queueapp:{form.page}")


def _page(request: HttpRequest, form: Ask, status: int = 200) -> HttpResponse:
    context = {
        "form": form, "about": form.about, "title": form.title, "page_name": form.page, "pages": PAGES, "may_act": True,
    }  # fmt: skip
    return render(request, "queueapp/staff/ask.html", context, status=status)
