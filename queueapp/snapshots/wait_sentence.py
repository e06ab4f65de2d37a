"""Why a job waits, in a sentence, in the language that is active."""

from __future__ import annotations

from django.utils.translation import gettext, ngettext

from ..i18n import whole_number
from ..policy.wait_reason import Reason, WaitFacts


def wait_sentence(reason: Reason, facts: WaitFacts) -> str:
    """Return the sentence that tells this reason, which is that of wait_reason()."""
    match reason:
        case Reason.PAUSED:
            return facts.paused or ""
        case Reason.DEFERRED:
            return facts.note
        case Reason.RETRY:
            text = gettext("Attempt %(attempt)s failed; the next one comes after a pause.")
            return text % {"attempt": facts.attempt - 1}
        case Reason.NOT_DUE:
            return gettext("It was submitted for a later moment.")
        case Reason.JOINING:
            return gettext("It is about to join its flow.")
        case Reason.MOVING:
            return gettext("Its flow's jobs are being moved, because the rules have changed.")
        case Reason.NO_PROCESSORS:
            return _no_processor(facts.starting)
        case Reason.CAP:
            return _at_cap(facts)
        case Reason.NEXT:
            return _next(facts)
        case Reason.TURNS:
            return _turns(facts)


def _no_processor(starting: int) -> str:
    if not starting:
        return gettext("No processor runs at present.")
    text = ngettext(
        "No processor runs yet; %(number)s is starting.", "No processor runs yet; %(number)s are starting.", starting
    )
    return text % {"number": whole_number(starting)}


def _at_cap(facts: WaitFacts) -> str:
    if facts.flow is None:
        jobs = ngettext("%(number)s job of your flow runs", "%(number)s jobs of your flow run", facts.running)
    else:
        jobs = ngettext(
            "%(number)s job of the flow %(flow)s runs", "%(number)s jobs of the flow %(flow)s run", facts.running
        )
    if facts.rule:
        text = gettext("%(jobs)s: the rule %(rule)s allows %(cap)s at once.")
    else:
        text = gettext("%(jobs)s: its rule allows %(cap)s at once.")
    jobs %= {"number": whole_number(facts.running), "flow": facts.flow}
    return text % {"jobs": jobs, "rule": facts.rule, "cap": facts.cap}


def _next(facts: WaitFacts) -> str:
    if facts.busy < facts.alive:
        return gettext("It is about to start.")
    text = ngettext(
        "It is next, as soon as the processor is free.",
        "It is next, as soon as one of the %(number)s processors is free.",
        facts.alive,
    )
    return text % {"number": whole_number(facts.alive)}


def _turns(facts: WaitFacts) -> str:
    """Return which jobs come before it: "2 of your own jobs and about 5 of others come first."."""
    before, others = facts.before, facts.others_before
    own = _own(facts) if before != 0 else ""
    if own and others != 0:
        text = gettext("%(own)s and %(others)s come first.")
        return text % {"own": own, "others": _others_too(others)}
    # "Many" is plural.
    number = (before if own else others) or 2
    text = ngettext("%(jobs)s comes first.", "%(jobs)s come first.", number)
    return text % {"jobs": own or _others_alone(others)}


def _own(facts: WaitFacts) -> str:
    if facts.flow is None:
        text = gettext("%(number)s of your own jobs") if facts.before else gettext("Many of your own jobs")
    elif facts.before:
        text = gettext("%(number)s of the jobs of %(flow)s")
    else:
        text = gettext("Many of the jobs of %(flow)s")
    return text % {"number": whole_number(facts.before or 0), "flow": facts.flow}


def _others_too(others: int | None) -> str:
    if others is None:
        return gettext("many of others")
    return gettext("about %(number)s of others") % {"number": whole_number(others)}


def _others_alone(others: int | None) -> str:
    if others is None:
        return gettext("Many jobs of others")
    text = ngettext("About %(number)s job of others", "About %(number)s jobs of others", others)
    return text % {"number": whole_number(others)}
