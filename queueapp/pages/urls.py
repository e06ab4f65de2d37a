"""Addresses of the page, the log-in and the event stream."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from ..events.views import events
from ..limits.throttles import throttle_logins, throttle_requests
from .views import home

urlpatterns = [
    path("", throttle_requests(home), name="home"),
    path(
        "login/",
        throttle_logins(LoginView.as_view(template_name="queueapp/login.html", redirect_authenticated_user=True)),
        name="login",
    ),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("api/v1/events/", events, name="events"),
]
