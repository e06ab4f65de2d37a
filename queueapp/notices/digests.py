"""E-mail digests: what ended since the last one, sent by jobs of a system owner."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Count
from django.utils.translation import gettext, gettext_lazy, ngettext, override

from ..i18n import whole_number
from ..lifecycle.digests import take_due
from ..lifecycle.submit import submit
from ..lifecycle.validation import Submission
from ..models import Digest, Job, Outcome, Owner
from ..policy.rules import SYSTEM
from ..registry import JobContext, task
from ..snapshots import job_dicts, last_number
from ..states import FINISHED, Status
from ..user_model import email_of

DIGEST = "queueapp.digest"
"""The task that sends one digest."""
EXPECTED_SECONDS = 0.5
TIME_LIMIT_SECONDS = 60.0
MAX_FAILED = 20
"""Maximum number of failed jobs that a digest names."""
MAX_ERROR = 200
"""Maximum length of an error in a digest, in characters."""
_COUNTS = {
    Status.SUCCEEDED: gettext_lazy("%(number)s succeeded"),
    Status.FAILED: gettext_lazy("%(number)s failed"),
    Status.CANCELLED: gettext_lazy("%(number)s cancelled"),
}


def submit_due() -> int:
    """Submit the digests that are due. Return how many.

    One transaction: a period has one job, whichever of several brokers submits it. Locks: as take_due().
    """
    with transaction.atomic():
        due = take_due()
        if due:
            jobs = [
                Submission(job_id=f"{owner}-{period}", task=DIGEST, payload={"owner": owner}, duration=EXPECTED_SECONDS)
                for owner, period in due
            ]
            submit(Owner.objects.of_key(f"{SYSTEM}digests"), jobs, quota=False)
    return len(due)


@task(DIGEST, time_limit=TIME_LIMIT_SECONDS, internal=True)
def send_digest(job: JobContext, owner: int) -> dict[str, int] | None:
    """Send a digest, and return what it counts. None: nothing has ended, or nobody is to be told.

    A failed attempt is repeated. If the processor dies just after the mail server took it, it is sent twice.
    """
    digest = Digest.objects.select_related("owner__user").filter(owner=owner).first()
    address = email_of(digest.owner.user) if digest is not None and digest.owner.user is not None else ""
    if digest is None or not address:
        return None
    upto = last_number(owner)
    ended = Outcome.objects.filter(owner=owner, number__gt=digest.number, number__lte=upto)
    counts = dict(ended.values_list("status").annotate(Count("job")).order_by())
    if not counts:
        return None
    failed = ended.filter(status=Status.FAILED).order_by("-number").values_list("job", flat=True)[:MAX_FAILED]
    jobs = list(Job.objects.ended_brief().filter(pk__in=list(failed)).order_by("-pk"))
    with override(settings.LANGUAGE_CODE):
        message = _message(digest, address, counts, [(one["job_id"], one["error"]) for one in job_dicts(jobs)])
    message.send()
    Digest.objects.filter(owner=owner).update(number=upto)
    return counts


def _message(digest: Digest, address: str, counts: dict[str, int], failed: Iterable[tuple[str, str]]) -> EmailMessage:
    total, bad = sum(counts.values()), counts.get(Status.FAILED, 0)
    counted = {
        status: _COUNTS[status] % {"number": whole_number(counts[status])} for status in FINISHED if status in counts
    }
    subject = ngettext("%(number)s job has ended", "%(number)s jobs have ended", total) % {
        "number": whole_number(total)
    }
    text = ngettext(
        "%(number)s of your jobs has ended since the last digest: %(counts)s.",
        "%(number)s of your jobs have ended since the last digest: %(counts)s.",
        total,
    )
    lines = [text % {"number": whole_number(total), "counts": ", ".join(counted.values())}]
    base = digest.page.removesuffix("notices/")
    named = [f"{job_id}: {_first_line(error)}\n{base}jobs/{quote(job_id)}/" for job_id, error in failed]
    if named:
        lines += [gettext("Failed:"), *named]
    if bad > len(named):
        more = gettext("and %(number)s more: %(page)s")
        lines.append(more % {"number": whole_number(bad - len(named)), "page": f"{base}jobs/?status=failed"})
    often = gettext("You get this %(period)s, if a job has ended. Choose otherwise: %(page)s")
    lines.append(often % {"period": digest.get_period_display(), "page": digest.page})
    subject += f", {counted[Status.FAILED]}" if bad else ""
    headers = {"Auto-Submitted": "auto-generated", "List-Unsubscribe": f"<{digest.page}>"}
    return EmailMessage(subject, "\n\n".join(lines) + "\n", to=[address], headers=headers)


def _first_line(error: str) -> str:
    line = error.strip().partition("\n")[0]
    return line if len(line) <= MAX_ERROR else f"{line[: MAX_ERROR - 1]}…"
