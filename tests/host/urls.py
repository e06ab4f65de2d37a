"""The addresses of the other project."""

from django.contrib import admin
from django.contrib.auth.views import LoginView
from django.urls import include, path
from rest_framework_simplejwt.views import TokenObtainPairView

urlpatterns = [
    path("admin/", admin.site.urls),
    path("sign-in/", LoginView.as_view(), name="sign-in"),
    path("api/v1/token/", TokenObtainPairView.as_view()),
    path("", include("queueapp.urls")),
]
handler404 = "queueapp.http.handlers.not_found"
