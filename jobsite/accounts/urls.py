"""Addresses of log-in, log-out and passwords and, below /api/v1/token/, of tokens."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from queueapp.limits.throttles import throttle_logins

from .passwords import PasswordDoneView, PasswordView
from .tokens import RefreshView, RevokeView, TokenView

login = LoginView.as_view(redirect_authenticated_user=True)

urlpatterns = [
    path("login/", throttle_logins(login), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    # Django's own names, so that the pages link to what a project has there.
    path("password/", throttle_logins(PasswordView.as_view()), name="password_change"),
    path("password/done/", PasswordDoneView.as_view(), name="password_change_done"),
    path("api/v1/token/", TokenView.as_view(), name="token"),
    path("api/v1/token/refresh/", RefreshView.as_view(), name="token-refresh"),
    path("api/v1/token/revoke/", RevokeView.as_view(), name="token-revoke"),
]
