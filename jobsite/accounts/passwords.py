"""The page on which users change their own password."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import authenticate
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.views import PasswordChangeDoneView, PasswordChangeView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext

from jobsite.accounts.lockout import forget_failures


class CountedPasswordChangeForm(PasswordChangeForm):
    """Django's form. A wrong old password counts as a failed log-in: a session alone must not let anybody guess it."""

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request
        self.fields["old_password"].label = gettext("Present password")
        self.fields["new_password1"].label = gettext("New password")
        self.fields["new_password2"].label = gettext("New password, once more")
        for name, field in self.fields.items():
            field.widget.attrs["aria-describedby"] = f"id_{name}-error"

    def clean_old_password(self) -> str:
        """Return the old password. Raises ValidationError if it is wrong, or the name is locked out by now."""
        old: str = self.cleaned_data["old_password"]
        if authenticate(self.request, username=self.user.get_username(), password=old) is None:
            raise ValidationError(gettext("This is not your present password."), code="password_incorrect")
        forget_failures(self.request, self.user.get_username())
        return old


class PasswordView(PasswordChangeView):
    """Django's view. It keeps this session; other sessions, tokens and streams end, as the password is another."""

    form_class = CountedPasswordChangeForm
    template_name = "registration/password.html"

    def get_form_kwargs(self) -> dict[str, Any]:
        """Return the form's arguments, with the request, which says where an attempt comes from."""
        return {"request": self.request, **super().get_form_kwargs()}

    def form_invalid(self, form: Any) -> HttpResponse:
        """Return the page again, with what is wrong."""
        return self.render_to_response(self.get_context_data(form=form), status=400)


class PasswordDoneView(PasswordChangeDoneView):
    """What came of it."""

    template_name = "registration/password_done.html"
