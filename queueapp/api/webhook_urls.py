"""Addresses of webhooks."""

from django.urls import path

from .webhooks import DeliveriesView, RotateView, SendAgainView, TestView, WebhooksView, WebhookView

urlpatterns = [
    path("", WebhooksView.as_view(), name="webhooks"),
    path("<int:webhook>/", WebhookView.as_view(), name="webhook"),
    path("<int:webhook>/rotate/", RotateView.as_view(), name="webhook-rotate"),
    path("<int:webhook>/test/", TestView.as_view(), name="webhook-test"),
    path("<int:webhook>/deliveries/", DeliveriesView.as_view(), name="webhook-deliveries"),
    path("<int:webhook>/deliveries/<str:delivery>/send/", SendAgainView.as_view(), name="webhook-send"),
]
