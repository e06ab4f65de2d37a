"""How clients of the API and of the event stream prove who they are. REST framework is imported where it is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from rest_framework.authentication import BaseAuthentication

CHOICE = "DEFAULT_AUTHENTICATION_CLASSES"


def authentication_classes() -> list[type[BaseAuthentication]]:
    """Return REST framework's classes in order: the project's own choice, else JWT if simplejwt is installed.

    The page uses sessions, so they come last if no class is for them. Raises ModuleNotFoundError without it.
    """
    from rest_framework.authentication import SessionAuthentication
    from rest_framework.settings import api_settings

    chosen = _tokens()
    if CHOICE in api_settings.user_settings:
        chosen = cast("list[type[BaseAuthentication]]", list(api_settings.DEFAULT_AUTHENTICATION_CLASSES))
    if any(issubclass(one, SessionAuthentication) for one in chosen):
        return chosen
    return [*chosen, SessionAuthentication]


def _tokens() -> list[type[BaseAuthentication]]:
    try:
        from rest_framework_simplejwt.authentication import JWTAuthentication
    except ModuleNotFoundError:
        return []
    return [JWTAuthentication]
