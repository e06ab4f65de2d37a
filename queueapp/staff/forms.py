"""What operators can do, each as the form that asks before it is done."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils.translation import gettext, gettext_lazy

from ..errors import NotCancellable
from ..lifecycle.cancel import cancel
from ..lifecycle.fleet import capacity, set_bounds
from ..lifecycle.pause import pause, resume
from ..lifecycle.processors import retire
from ..lifecycle.staff_log import note
from ..models import Fleet, Job, Pause, Processor
from ..registry import task_names
from .ask import Ask, OfOwner, Refused
from .retries import Retry, RetryGroup
from .words import pause_subject

AS_CONFIGURED = gettext_lazy("Empty: as configured.")


class Stop(Ask):
    """Stop a running job, or cancel it if it waits by now."""

    title, button, danger, page = gettext_lazy("Stop a job"), gettext_lazy("Stop it"), True, "staff-processors"
    what = forms.CharField(widget=forms.HiddenInput)

    @property
    def about(self) -> str:
        job = self._job
        text = gettext("The job %(job)s of %(owner)s, task %(task)s, is asked to stop, and ends as cancelled.")
        return text % {"job": job, "owner": job.owner, "task": job.task}

    @property
    def _job(self) -> Job:
        job: Job = self._found(Job.objects.select_related("owner__user"))
        return job

    def act(self, by: AbstractBaseUser) -> str:
        job = self._job
        try:
            said = (
                gettext("The job %(job)s was cancelled.")
                if cancel(job)
                else gettext("The job %(job)s was asked to stop.")
            )
        except NotCancellable:
            raise Refused(gettext("The job %(job)s has ended.") % {"job": job}) from None
        note(by, job, f"Stopped in the console: {self.cleaned_data['reason']}")
        return said % {"job": job}


class Drain(Ask):
    """Let a processor end once its turn is over. A fresh one takes its place."""

    title, button, page = gettext_lazy("Drain a processor"), gettext_lazy("Drain it"), "staff-processors"
    what = forms.CharField(widget=forms.HiddenInput)

    @property
    def about(self) -> str:
        text = gettext(
            "The processor %(processor)s takes no new turn. It ends once its job has ended. "
            "Its cluster then starts a fresh one if the fleet needs it."
        )
        return text % {"processor": self._found(Processor.objects)}

    def act(self, by: AbstractBaseUser) -> str:
        processor = self._found(Processor.objects)
        retire(processor.pk)
        note(by, processor, f"Drained in the console: {self.cleaned_data['reason']}")
        return gettext("The processor %(processor)s drains.") % {"processor": processor}


class Bounds(Ask):
    """Set the bounds of the fleet."""

    title, button, page = gettext_lazy("Set the fleet's bounds"), gettext_lazy("Set them"), "staff-processors"
    minimum = forms.IntegerField(
        label=gettext_lazy("Minimum"), required=False, min_value=1, max_value=32_767, help_text=AS_CONFIGURED
    )
    maximum = forms.IntegerField(
        label=gettext_lazy("Maximum"), required=False, min_value=1, max_value=32_767,
        help_text=gettext_lazy("Empty: as the hosts can run."),
    )  # fmt: skip
    target_wait = forms.FloatField(
        label=gettext_lazy("Target wait in seconds"), required=False, min_value=1, max_value=86_400,
        help_text=AS_CONFIGURED,
    )  # fmt: skip
    dry_run = forms.BooleanField(
        label=gettext_lazy("Dry run"), required=False,
        help_text=gettext_lazy("Decide and record, but leave every host as it is."),
    )  # fmt: skip

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        fleet = Fleet.objects.first() or Fleet()
        self.initial = {name: getattr(fleet, name) for name in ("minimum", "maximum", "target_wait", "dry_run")}

    @property
    def about(self) -> str:
        return gettext("Between the two, the number of processors follows the load. No running job is ended.")

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
        done = gettext("The bounds of the fleet are set.")
        more = gettext("The hosts that run now take %(most)s in all.") % {"most": most}
        return f"{done} {more}" if wanted > most else done


class Begin(OfOwner):
    """Pause an owner, a task, or everything."""

    title, button, danger, page = gettext_lazy("Pause"), gettext_lazy("Pause"), True, "staff-flows"
    task = forms.ChoiceField(label=gettext_lazy("Task"), required=False, help_text=gettext_lazy("Or a task."))
    everything = forms.BooleanField(
        label=gettext_lazy("Everything"), required=False, help_text=gettext_lazy("Or all jobs of everybody.")
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        fields: dict[str, Any] = self.fields
        fields["task"].choices = [("", gettext("no task")), *((name, name) for name in task_names(internal=True))]
        fields["reason"].help_text = gettext("A few words that the users concerned read. They are kept with your name.")

    @property
    def about(self) -> str:
        return gettext("What is paused is not started. What runs goes on to its end; what waits keeps its place.")

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if self.errors:
            return data
        if sum(map(bool, (self.owner, data.get("task"), data.get("everything")))) != 1:
            raise forms.ValidationError(gettext("Choose one of them: a user, a key, a task, or everything."))
        return data

    def act(self, by: AbstractBaseUser) -> str:
        already, task = Refused(gettext("That is paused already.")), self.cleaned_data["task"]
        if Pause.objects.filter(owner=self.owner, task=task).exists():
            raise already
        try:
            paused = pause(self.cleaned_data["reason"], self.owner, task, by)
        except IntegrityError:
            raise already from None
        note(by, paused, f"Paused in the console: {paused.reason}")
        return gettext("%(what)s is paused.") % {"what": pause_subject(paused)}


class Resume(Ask):
    """End a pause."""

    title, button, page = gettext_lazy("Resume"), gettext_lazy("Resume"), "staff-flows"
    what = forms.CharField(widget=forms.HiddenInput)

    @property
    def about(self) -> str:
        paused = self._found(Pause.objects)
        text = gettext("%(what)s goes on in its place. It was paused with the words: %(reason)s")
        return text % {"what": pause_subject(paused), "reason": paused.reason}

    def act(self, by: AbstractBaseUser) -> str:
        paused = self._found(Pause.objects)
        words = f"Resumed in the console: {self.cleaned_data['reason']}"
        note(by, paused, words)
        resume(paused)
        return gettext("%(what)s goes on.") % {"what": pause_subject(paused)}


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
