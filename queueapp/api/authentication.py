"""Log-in by an API key. It comes in the same header as a token, and is told apart by its beginning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import AbstractBaseUser
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from ..lifecycle.api_keys import BEGINNING, WRONG, find_keys, key_in
from ..models import ApiKey
from ..models.api_key import Scope

if TYPE_CHECKING:
    from drf_spectacular.openapi import AutoSchema


class KeyAuthentication(BaseAuthentication):
    """The user of an API key. `request.auth` is then the key.

    For the queue's views only, which ask for its scopes. A project's other views must not take such keys.
    """

    def authenticate(self, request: Request) -> tuple[AbstractBaseUser, ApiKey] | None:
        """Return the user and the key; None: no key came along. Raises AuthenticationFailed."""
        text = key_in(request.headers.get("Authorization", ""))
        if text is None:
            return None
        key = find_keys([text]).get(text)
        if key is None:
            raise AuthenticationFailed(WRONG)
        return key.user, key

    def authenticate_header(self, request: Request) -> str:
        """Return the header WWW-Authenticate of a refusal."""
        return 'Bearer realm="api"'


def has_scope(request: Request, scope: Scope | None) -> bool:
    """Whether the request came without a key, or with one that has this scope. None: no key has it."""
    return not isinstance(request.auth, ApiKey) or scope in request.auth.scopes


def require_scope(request: Request, scope: Scope | None) -> None:
    """Raise PermissionDenied if the request came with a key that lacks this scope. None: no key has it."""
    if not has_scope(request, scope):
        raise PermissionDenied(
            "No API key may do this: log in." if scope is None else f"This API key lacks the scope {scope.value}."
        )


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Keys in the schema: the scope that a call needs is its security requirement."""

    target_class = KeyAuthentication
    name = "apiKeyAuth"

    def get_security_requirement(self, auto_schema: AutoSchema) -> dict[str, list[str]] | None:  # type: ignore[override]
        """Return the scope that the call needs; None if keys cannot make it."""
        scope = getattr(auto_schema.view, "scopes", {}).get(auto_schema.method)
        return None if scope is None else {self.name: [scope.value]}

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        """Return the scheme."""
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": f"{BEGINNING}...",
            "description": "A personal API key. Each call names the scope that the key needs.",
        }
