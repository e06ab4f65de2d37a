"""The form by which many jobs of the page are cancelled, retried or moved at once. It works without scripts."""

from __future__ import annotations

from typing import Any, get_args

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext

from ..errors import FieldError, InvalidFilter
from ..lifecycle.job_filter import End, ListFilter
from ..lifecycle.reorder import has_own_flow
from ..models import Owner
from .jobs_search import given_in, parse_search, same_page
from .selection import FITTING, act_on_names, act_on_search, count_fitting, fitting
from .selection_words import came_query, question


def selection_form(request: HttpRequest, owner: Owner, asked: ListFilter, *, is_all: bool) -> dict[str, Any] | None:
    """Return what the form needs; None: nothing can be done with the jobs of this search.

    `is_all`: whether the page has all of them. The states of the jobs that an action is for are separated by spaces.
    """
    search = asked.model_dump(exclude_unset=True)
    actions = {action: " ".join(fitting(action, search)) for action in FITTING}
    if actions["front"] and not has_own_flow(owner):
        actions |= dict.fromkeys(get_args(End), "")
    if not any(actions.values()):
        return None
    return {
        "address": same_page(request),
        "actions": actions,
        "search": asked.model_dump_json(exclude_unset=True, exclude={"sort"}),
        "is_all": is_all,
    }


def act(request: HttpRequest, owner: Owner) -> HttpResponse:
    """Do with many jobs what the form says, and lead back to the same page of the search; or ask whether it is sure.

    Raises Http404 for what no form has, and InvalidFilter, NotMovable and BacklogFull, which say why nothing was done.
    """
    action, every = request.POST.get("do", ""), "all" in request.POST
    if action not in FITTING:
        raise Http404
    search = parse_search(given_in(request)).model_dump(exclude_unset=True)
    names = sorted({*request.POST.getlist("shown" if "page" in request.POST else "job")})
    if not every and not names:
        raise InvalidFilter([FieldError("job", gettext("Choose jobs first."))])
    if "sure" not in request.POST and (every or action == "cancel"):
        many, more = count_fitting(owner, action, search) if every else (len(names), False)
        return _ask(request, action, [] if every else names, many, more=more)
    came = act_on_search(owner, action, search) if every else act_on_names(owner, action, names)
    return redirect(same_page(request, **came_query(action, came)))


def _ask(request: HttpRequest, action: str, names: list[str], many: int, *, more: bool) -> HttpResponse:
    """Return the page that asks whether to go on. Without names, all jobs of the search are meant."""
    if not many and not more:
        raise InvalidFilter([FieldError("do", gettext("There is no job here for that."))])
    context = {
        "question": question(action, many, more=more),
        "total": "" if more else many,
        "do": action,
        "names": names,
        "address": same_page(request),
    }
    return render(request, "queueapp/jobs_sure.html", context)
