"""A look: staff open the pages of a user or a key, only to read. The history of that owner keeps who did, and why."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django import forms
from django.contrib import messages
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from ..lifecycle.staff_log import note
from ..pages.looks import MINUTES, begin_look, end_look
from ..pages.roles import may_act
from .access import for_viewers
from .ask import OfOwner
from .pages import PAGES


class LookForm(OfOwner):
    """The form that asks whose pages, and why."""

    title: ClassVar = gettext_lazy("Look at somebody's pages")
    button: ClassVar = gettext_lazy("Look")
    page: ClassVar = "staff-flows"
    next = forms.CharField(required=False, widget=forms.HiddenInput)

    @property
    def about(self) -> str:
        text = gettext(
            "You see the pages of a user or a key for %(minutes)s minutes, and can change nothing there. Your look "
            "is kept in their history."
        )
        return text % {"minutes": MINUTES}

    def clean(self) -> dict[str, Any]:
        """Raise ValidationError unless an owner is named."""
        data = super().clean()
        if not self.errors and self.owner is None:
            raise forms.ValidationError(gettext("Name a user or a key."))
        return data


@transaction.non_atomic_requests
@for_viewers
@require_http_methods(["GET", "HEAD", "POST"])
def look(request: HttpRequest) -> HttpResponse:
    """Return the page that asks. POST: open the look, and lead to the page that was asked for."""
    form = LookForm(request.POST) if request.method == "POST" else LookForm(initial=request.GET.dict())
    if form.is_valid() and form.owner is not None:
        begin_look(request, form.owner)
        words = f"Looked at the pages for {MINUTES} minutes: {form.cleaned_data['reason']}"
        note(cast(AbstractBaseUser, request.user), form.owner, words)
        return redirect(_address(request, form))
    context = {
        "form": form, "about": form.about, "title": form.title, "page_name": form.page, "pages": PAGES,
        "may_act": may_act(request),
    }  # fmt: skip
    return render(request, "queueapp/staff/ask.html", context, status=400 if form.is_bound else 200)


@transaction.non_atomic_requests
@for_viewers
@require_POST
def stop_looking(request: HttpRequest) -> HttpResponse:
    """End the look, and return to the console."""
    if (owner := end_look(request)) is not None:
        note(cast(AbstractBaseUser, request.user), owner, "Stopped looking at the pages.")
        said = gettext("You look at the pages of %(owner)s no more.") % {"owner": owner}
        messages.success(request, said, fail_silently=True)
    return redirect("queueapp:staff")


def _address(request: HttpRequest, form: LookForm) -> str:
    """Return the address that was asked for, if it is one of this site about the same owner; else the first page."""
    assert form.owner is not None
    name = {"key": form.owner.key} if form.owner.key else {"user": str(form.owner.user_name)}
    asked = form.cleaned_data["next"]
    of_owner = QueryDict(asked.partition("?")[2]).dict().items() >= name.items()
    if of_owner and url_has_allowed_host_and_scheme(asked, {request.get_host()}, request.is_secure()):
        return str(asked)
    query = QueryDict(mutable=True)
    query.update(name)
    try:
        return f"{reverse('queueapp:home')}?{query.urlencode()}"
    except NoReverseMatch:  # a project without the API has no pages of users
        return reverse("queueapp:staff")
