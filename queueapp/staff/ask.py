"""The form of the page that asks before something is done: about what, and why."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib.auth.models import AbstractBaseUser
from django.http import Http404
from django.utils.translation import gettext, gettext_lazy

from ..models import Owner
from ..user_model import user_named


class Refused(Exception):
    """The queue refused it; the message says why."""


class Ask(forms.Form):
    """A form that asks why. `page`: where it leads back to. `about`: what it is about, in a sentence."""

    title: ClassVar[Any] = ""
    button: ClassVar[Any] = ""
    danger: ClassVar = False
    page: ClassVar = "staff"
    reason = forms.CharField(
        label=gettext_lazy("Why"), max_length=200, help_text=gettext_lazy("It is kept with your name.")
    )

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


class OfOwner(Ask):
    """A form about a user or a key."""

    user = forms.CharField(
        label=gettext_lazy("User"), required=False, max_length=254, help_text=gettext_lazy("A user name.")
    )
    key = forms.CharField(
        label=gettext_lazy("Key"), required=False, max_length=200, help_text=gettext_lazy("Or a fairness key.")
    )
    owner: Owner | None = None

    def clean(self) -> dict[str, Any]:
        """Set the owner, if one is named. Raises ValidationError."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        user, key = data.get("user"), data.get("key")
        if user and key:
            raise forms.ValidationError(gettext("Name a user or a key, not both."))
        if user and (named := user_named(user)) is None:
            self.add_error("user", gettext("There is no active user of this name."))
        elif user:
            self.owner = Owner.objects.of_user(named)  # type: ignore[arg-type]  # it is one
        if key and (owner := Owner.objects.find_key(key)) is None:
            self.add_error("key", gettext("No job has this key."))
        elif key:
            self.owner = owner
        return data
