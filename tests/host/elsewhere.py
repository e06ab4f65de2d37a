"""The same, with the queue in a place of its own, and the admin under another name."""

from django.contrib import admin
from django.contrib.auth.views import LoginView
from django.urls import include, path

urlpatterns = [
    path("office/", admin.site.urls),
    path("sign-in/", LoginView.as_view(), name="sign-in"),
    path("work/queue/", include("queueapp.urls")),
]
handler404 = "queueapp.http.handlers.not_found"
