"""The forms that let failed and cancelled jobs wait again: those of a filter, or of a group of errors."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import AbstractBaseUser
from django.http import Http404
from django.utils.translation import gettext, gettext_lazy, ngettext

from ..db.clock import database_now
from ..errors import BacklogFull, InvalidFilter
from ..lifecycle.job_filter import RetryFilter, parse_filter
from ..lifecycle.matching import try_again_matching
from ..lifecycle.staff_log import note_matching
from ..models import Job, Owner
from ..pages.humanize import number
from ..snapshots.console.failures import failed_jobs
from .ask import Ask, OfOwner, Refused
from .span import SPANS, USUAL, slices_of


class Retry(OfOwner):
    """Try an owner's failed and cancelled jobs again that match."""

    title, button, page = gettext_lazy("Try jobs again"), gettext_lazy("Try them again"), "staff-failures"
    task = forms.CharField(
        label=gettext_lazy("Task"), required=False, max_length=100,
        help_text=gettext_lazy("Jobs of this task. Empty: of any."),
    )  # fmt: skip
    prefix = forms.CharField(  # type: ignore[assignment]  # a field, and no attribute
        label=gettext_lazy("Job id begins with"), required=False, max_length=200
    )
    status = forms.ChoiceField(
        label=gettext_lazy("State"), required=False, initial="failed",
        choices=[
            ("failed", gettext_lazy("failed")),
            ("cancelled", gettext_lazy("cancelled")),
            ("", gettext_lazy("both")),
        ],
    )  # fmt: skip

    @property
    def about(self) -> str:
        text = gettext(
            "Jobs that failed or were cancelled wait again, in their old places. At most %(most)s at a time."
        )
        return text % {"most": number(100_000)}

    def clean(self) -> dict[str, Any]:
        """Make the filter. Raises ValidationError."""
        data = super().clean()
        if not self.errors and self.owner is None:
            raise forms.ValidationError(gettext("Name a user or a key."))
        given = {name: data[name] for name in ("task", "prefix", "status") if data.get(name)}
        try:
            self.filter = parse_filter(RetryFilter, given or {"all": True})
        except InvalidFilter as wrong:
            for error in wrong.errors:
                self.add_error(error.field if error.field in self.fields else None, error.message)
        return data

    def act(self, by: AbstractBaseUser) -> str:
        assert self.owner is not None
        return _again(by, {self.owner: self.filter}, self.cleaned_data["reason"])


class RetryGroup(Ask):
    """Try the failed jobs of a group of errors again."""

    title, button, page = gettext_lazy("Try these jobs again"), gettext_lazy("Try them again"), "staff-failures"
    what = forms.CharField(widget=forms.HiddenInput, max_length=16)
    span = forms.ChoiceField(widget=forms.HiddenInput, choices=[(name, name) for name in SPANS], required=False)

    def _jobs(self) -> list[Job]:
        span = str(self.given.get("span") or "")
        begin = slices_of(span if span in SPANS else USUAL, database_now()).begin
        group, jobs = failed_jobs(begin, str(self.given.get("what") or self.data.get("what", "")))
        if group is None:
            raise Http404
        self.group = group
        return jobs

    @property
    def about(self) -> str:
        jobs = self._jobs()
        text = ngettext(
            "%(jobs)s job of %(owners)s owners that failed with this error wait again, in their old places: %(error)s",
            "%(jobs)s jobs of %(owners)s owners that failed with this error wait again, in their old places: %(error)s",
            len(jobs),
        )
        owners = number(len({job.owner_id for job in jobs}))
        return text % {"jobs": number(len(jobs)), "owners": owners, "error": self.group.error}

    def act(self, by: AbstractBaseUser) -> str:
        names: dict[Owner, list[str]] = {}
        for job in self._jobs():
            names.setdefault(job.owner, []).append(job.name)
        if not names:
            raise Refused(gettext("None of them is failed any more."))
        filters = {owner: RetryFilter(job_ids=some, status="failed") for owner, some in names.items()}
        return _again(by, filters, self.cleaned_data["reason"])


def _again(by: AbstractBaseUser, filters: dict[Owner, RetryFilter], reason: str) -> str:
    """Let what matches wait again, as the API does. Return how many. An owner whose backlog is full keeps the rest."""
    retried, left = 0, False
    for owner, asked in filters.items():
        words = f"Tried again in the console ({reason})"
        note_matching(by, owner, words, asked.model_dump_json(exclude_unset=True), always=True)
        try:
            came = try_again_matching(owner, asked)
        except BacklogFull:
            left = True
        else:
            retried, left = retried + came.retried, left or came.more
    done = ngettext("%(number)s job waits again.", "%(number)s jobs wait again.", retried) % {"number": number(retried)}
    more = gettext("More match, and had no room or no time: do the same again.")
    return f"{done} {more}" if left else done
