"""Addresses of log-in and log-out and, below /api/v1/token/, of tokens."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from queueapp.limits.throttles import throttle_logins

from .tokens import RefreshView, RevokeView, TokenView

login = LoginView.as_view(redirect_authenticated_user=True)

urlpatterns = [
    path("login/", throttle_logins(login), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("api/v1/token/", TokenView.as_view(), name="token"),
    path("api/v1/token/refresh/", RefreshView.as_view(), name="token-refresh"),
    path("api/v1/token/revoke/", RevokeView.as_view(), name="token-revoke"),
]
