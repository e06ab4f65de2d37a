"""What the page says of an action on many jobs. static/queueapp/selection-words.js says the same live."""

from __future__ import annotations

import re

from django.http import HttpRequest
from django.utils.translation import gettext, ngettext

from ..i18n import whole_number
from .selection import FITTING, Came

_CAME = re.compile(r"(\d{1,7})\.(\d{1,7})\.(\d{1,7})\.([01])", re.ASCII)


def question(action: str, many: int, *, more: bool) -> str:
    """Return the question before an action on so many jobs. `more`: there may be more of them."""
    said = whole_number(many)
    if more:
        return {
            "cancel": gettext("Cancel %(number)s jobs or more?"),
            "retry": gettext("Try %(number)s jobs or more again?"),
            "front": gettext("Move %(number)s jobs or more to the front?"),
            "back": gettext("Move %(number)s jobs or more to the back?"),
        }[action] % {"number": said}
    return {
        "cancel": ngettext("Cancel %(number)s job?", "Cancel %(number)s jobs?", many),
        "retry": ngettext("Try %(number)s job again?", "Try %(number)s jobs again?", many),
        "front": ngettext("Move %(number)s job to the front?", "Move %(number)s jobs to the front?", many),
        "back": ngettext("Move %(number)s job to the back?", "Move %(number)s jobs to the back?", many),
    }[action] % {"number": said}


def came_query(action: str, came: Came) -> dict[str, str]:
    """Return the parameters of an address that let the page tell what came of an action: see came_words()."""
    return {"did": action, "came": f"{came.changed}.{came.stopping}.{came.unchanged}.{int(came.more)}"}


def came_words(request: HttpRequest) -> str:
    """Return in sentences what came of the action that led to this address; "" if none did."""
    action, found = request.GET.get("did", ""), _CAME.fullmatch(request.GET.get("came", ""))
    if action not in FITTING or found is None:
        return ""
    changed, stopping, unchanged, more = map(int, found.groups())
    said = [_changed(action, changed, changed + stopping + unchanged)]
    if stopping:
        said.append(
            ngettext("%(number)s runs, and is asked to stop.", "%(number)s run, and are asked to stop.", stopping)
            % {"number": whole_number(stopping)}
        )
    if unchanged:
        said.append(_unchanged(action, unchanged))
    if more:
        said.append(gettext("There are more: do the same again."))
    return " ".join(said)


def _changed(action: str, changed: int, total: int) -> str:
    if changed != total:
        return {
            "cancel": gettext("%(number)s of %(total)s jobs are cancelled."),
            "retry": gettext("%(number)s of %(total)s jobs wait again."),
            "front": gettext("%(number)s of %(total)s jobs are at the front now."),
            "back": gettext("%(number)s of %(total)s jobs are at the back now."),
        }[action] % {"number": whole_number(changed), "total": whole_number(total)}
    return {
        "cancel": ngettext("%(number)s job is cancelled.", "%(number)s jobs are cancelled.", changed),
        "retry": ngettext("%(number)s job waits again.", "%(number)s jobs wait again.", changed),
        "front": ngettext("%(number)s job is at the front now.", "%(number)s jobs are at the front now.", changed),
        "back": ngettext("%(number)s job is at the back now.", "%(number)s jobs are at the back now.", changed),
    }[action] % {"number": whole_number(changed)}


def _unchanged(action: str, unchanged: int) -> str:
    return {
        "cancel": ngettext("%(number)s had ended already.", "%(number)s had ended already.", unchanged),
        "retry": ngettext(
            "%(number)s had neither failed nor been cancelled.",
            "%(number)s had neither failed nor been cancelled.",
            unchanged,
        ),
    }.get(
        action,
        ngettext("%(number)s does not wait in your line.", "%(number)s do not wait in your line.", unchanged),
    ) % {"number": whole_number(unchanged)}
