"""What operators can do, each as the form that asks before it is done: about what, and why."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.http import Http404

from ..db.clock import database_now
from ..errors import BacklogFull, InvalidFilter, NotCancellable
from ..lifecycle.cancel import cancel
from ..lifecycle.fleet import capacity, set_bounds
from ..lifecycle.job_filter import RetryFilter, parse_filter
from ..lifecycle.matching import try_again_matching
from ..lifecycle.pause import pause, resume
from ..lifecycle.processors import retire
from ..lifecycle.staff_log import note, note_matching
from ..models import Fleet, Job, Owner, Pause, Processor
from ..registry import task_names
from ..snapshots.console.failures import failed_jobs
from ..user_model import user_named
from .span import SPANS, USUAL, slices_of


class Refused(Exception):
    """The queue refused it; the message says why."""


class Ask(forms.Form):
    """A form that asks why. `page`: where it leads back to. `about`: what it is about, in a sentence."""

    title: ClassVar = ""
    button: ClassVar = ""
    danger: ClassVar = False
    page: ClassVar = "staff"
    reason = forms.CharField(label="Why", max_length=200, help_text="It is kept with your name.")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.order_fields([name for name in self.fields if name != "reason"])

    @property
    def about(self) -> str:
        """What is about to happen. Raises Http404 if what it is about is gone."""
        return ""

    def act(self, by: AbstractBaseUser) -> str:
        """Do it, note it in the name of `by`, and return what was done. The form is valid. Raises Refused."""
        raise NotImplementedError

    @property
    def given(self) -> dict[str, Any]:
        """The values: those that were sent and are valid, else those of the address."""
        return self.cleaned_data if self.is_bound and hasattr(self, "cleaned_data") else dict(self.initial)

    def _found(self, model: Any) -> Any:
        text = str(self.given.get("what") or self.data.get("what", ""))
        found = model.filter(pk=int(text)).first() if text.isascii() and text.isdecimal() and len(text) < 19 else None
        if found is None:
            raise Http404
        return found


class Stop(Ask):
    """Stop a running job, or cancel it if it waits by now."""

    title, button, danger, page = "Stop a job", "Stop it", True, "staff-processors"
    what = forms.CharField(widget=forms.HiddenInput)

    @property
    def about(self) -> str:
        job = self._job
        return f"The job {job} of {job.owner}, task {job.task}, is asked to stop, and ends as cancelled."

    @property
    def _job(self) -> Job:
        job: Job = self._found(Job.objects.select_related("owner__user"))
        return job

    def act(self, by: AbstractBaseUser) -> str:
        job = self._job
        try:
            done = "was cancelled" if cancel(job) else "was asked to stop"
        except NotCancellable:
            raise Refused(f"The job {job} has ended.") from None
        note(by, job, f"Stopped in the console: {self.cleaned_data['reason']}")
        return f"The job {job} {done}."


class Drain(Ask):
    """Let a processor end once its turn is over. A fresh one takes its place."""

    title, button, page = "Drain a processor", "Drain it", "staff-processors"
    what = forms.CharField(widget=forms.HiddenInput)

    @property
    def about(self) -> str:
        return (
            f"The processor {self._found(Processor.objects)} takes no new turn. It ends once its job has ended. "
            "Its cluster then starts a fresh one if the fleet needs it."
        )

    def act(self, by: AbstractBaseUser) -> str:
        processor = self._found(Processor.objects)
        retire(processor.pk)
        note(by, processor, f"Drained in the console: {self.cleaned_data['reason']}")
        return f"The processor {processor} drains."


class Bounds(Ask):
    """Set the bounds of the fleet."""

    title, button, page = "Set the fleet's bounds", "Set them", "staff-processors"
    minimum = forms.IntegerField(required=False, min_value=1, max_value=32_767, help_text="Empty: as configured.")
    maximum = forms.IntegerField(
        required=False, min_value=1, max_value=32_767, help_text="Empty: as the hosts can run."
    )
    target_wait = forms.FloatField(
        label="Target wait in seconds", required=False, min_value=1, max_value=86_400, help_text="Empty: as configured."
    )
    dry_run = forms.BooleanField(required=False, help_text="Decide and record, but leave every host as it is.")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        fleet = Fleet.objects.first() or Fleet()
        self.initial = {name: getattr(fleet, name) for name in ("minimum", "maximum", "target_wait", "dry_run")}

    @property
    def about(self) -> str:
        return "Between the two, the number of processors follows the load. No running job is ended."

    def act(self, by: AbstractBaseUser) -> str:
        bounds = {name: self.cleaned_data[name] for name in ("minimum", "maximum", "target_wait", "dry_run")}
        try:
            set_bounds(**bounds)
        except ValidationError as wrong:
            raise Refused(" ".join(wrong.messages)) from None
        said = ", ".join(
            f"{name.replace('_', ' ')} {'-' if value is None else value}" for name, value in bounds.items()
        )
        note(by, Fleet.objects.get(), f"Bounds set in the console ({said}): {self.cleaned_data['reason']}")
        most, wanted = capacity(), max(bounds["minimum"] or 0, bounds["maximum"] or 0)
        more = f" The hosts that run now take {most} in all." if wanted > most else ""
        return f"The bounds of the fleet are set.{more}"


class OfOwner(Ask):
    """A form about a user or a key."""

    user = forms.CharField(required=False, max_length=254, help_text="A user name.")
    key = forms.CharField(required=False, max_length=200, help_text="Or a fairness key.")
    owner: Owner | None = None

    def clean(self) -> dict[str, Any]:
        """Set the owner, if one is named. Raises ValidationError."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        user, key = data.get("user"), data.get("key")
        if user and key:
            raise forms.ValidationError("Name a user or a key, not both.")
        if user and (named := user_named(user)) is None:
            self.add_error("user", "There is no active user of this name.")
        elif user:
            self.owner = Owner.objects.of_user(named)  # type: ignore[arg-type]  # it is one
        if key and (owner := Owner.objects.find_key(key)) is None:
            self.add_error("key", "No job has this key.")
        elif key:
            self.owner = owner
        return data


class Begin(OfOwner):
    """Pause an owner, a task, or everything."""

    title, button, danger, page = "Pause", "Pause", True, "staff-flows"
    task = forms.ChoiceField(required=False, help_text="Or a task.")
    everything = forms.BooleanField(required=False, help_text="Or all jobs of everybody.")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        fields: dict[str, Any] = self.fields
        fields["task"].choices = [("", "no task"), *((name, name) for name in task_names(internal=True))]
        fields["reason"].help_text = "A few words that the users concerned read. They are kept with your name."

    @property
    def about(self) -> str:
        return "What is paused is not started. What runs goes on to its end; what waits keeps its place."

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if self.errors:
            return data
        if sum(map(bool, (self.owner, data.get("task"), data.get("everything")))) != 1:
            raise forms.ValidationError("Choose one of them: a user, a key, a task, or everything.")
        return data

    def act(self, by: AbstractBaseUser) -> str:
        already, task = Refused("That is paused already."), self.cleaned_data["task"]
        if Pause.objects.filter(owner=self.owner, task=task).exists():
            raise already
        try:
            paused = pause(self.cleaned_data["reason"], self.owner, task, by)
        except IntegrityError:
            raise already from None
        note(by, paused, f"Paused in the console: {paused.reason}")
        return f"{_named(paused)} is paused."


class Resume(Ask):
    """End a pause."""

    title, button, page = "Resume", "Resume", "staff-flows"
    what = forms.CharField(widget=forms.HiddenInput)

    @property
    def about(self) -> str:
        paused = self._found(Pause.objects)
        return f"{_named(paused)} goes on in its place. It was paused with the words: {paused.reason}"

    def act(self, by: AbstractBaseUser) -> str:
        paused = self._found(Pause.objects)
        words = f"Resumed in the console: {self.cleaned_data['reason']}"
        note(by, paused, words)
        resume(paused)
        return f"{_named(paused)} goes on."


class Retry(OfOwner):
    """Try an owner's failed and cancelled jobs again that match."""

    title, button, page = "Try jobs again", "Try them again", "staff-failures"
    task = forms.CharField(required=False, max_length=100, help_text="Jobs of this task. Empty: of any.")
    prefix = forms.CharField(  # type: ignore[assignment]  # a field, and no attribute
        label="Job id begins with", required=False, max_length=200
    )
    status = forms.ChoiceField(
        required=False, choices=[("failed", "failed"), ("cancelled", "cancelled"), ("", "both")], initial="failed"
    )

    @property
    def about(self) -> str:
        return "Jobs that failed or were cancelled wait again, in their old places. At most 100,000 at a time."

    def clean(self) -> dict[str, Any]:
        """Make the filter. Raises ValidationError."""
        data = super().clean()
        if not self.errors and self.owner is None:
            raise forms.ValidationError("Name a user or a key.")
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

    title, button, page = "Try these jobs again", "Try them again", "staff-failures"
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
        many = f"{len(jobs):,} {'job' if len(jobs) == 1 else 'jobs'} of {len({job.owner_id for job in jobs}):,}"
        return f"{many} owners that failed with this error wait again, in their old places: {self.group.error}"

    def act(self, by: AbstractBaseUser) -> str:
        names: dict[Owner, list[str]] = {}
        for job in self._jobs():
            names.setdefault(job.owner, []).append(job.name)
        if not names:
            raise Refused("None of them is failed any more.")
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
    more = " More match, and had no room or no time: do the same again." if left else ""
    return f"{retried:,} {'job waits' if retried == 1 else 'jobs wait'} again.{more}"


def _named(paused: Pause) -> str:
    words = str(paused)
    return "Everything" if words == "everything" else f"The {words}"


FORMS: dict[str, type[Ask]] = {
    "stop": Stop,
    "drain": Drain,
    "fleet": Bounds,
    "pause": Begin,
    "resume": Resume,
    "retry": Retry,
    "retry-group": RetryGroup,
}
"""The forms by the names that addresses have."""
