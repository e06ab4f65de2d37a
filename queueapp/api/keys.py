"""The endpoints of API keys. No key may use them: one that leaked could make others."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response

from ..lifecycle.api_keys import NewKey, make_key, parse_key, revoke_key
from ..models import ApiKey
from . import schemas
from .base import ERRORS, PROBLEM, ProtectedView
from .described import described
from .whose import asking


class KeysView(ProtectedView):
    """My API keys."""

    @described(
        operation_id="keys_list",
        summary="List my API keys, by name",
        responses={200: schemas.ApiKeys, 403: PROBLEM, **ERRORS},
    )
    def get(self, request: Request) -> Response:
        keys = ApiKey.objects.filter(user_id=asking(request).pk)
        return Response({"results": [_shown(key) for key in keys]})

    @described(
        operation_id="keys_create",
        summary="Make an API key",
        request=NewKey,
        responses={
            201: OpenApiResponse(schemas.CreatedApiKey, "Made. The key is in this answer, and in no other."),
            403: PROBLEM,
            409: OpenApiResponse(schemas.Problem, "You have a key of this name, or as many as one user may have."),
            **ERRORS,
        },
    )
    def post(self, request: Request) -> Response:
        key, text = make_key(asking(request), parse_key(request.data))
        return Response({**_shown(key), "key": text}, 201)


class KeyView(ProtectedView):
    """One of my API keys."""

    @described(
        operation_id="keys_revoke",
        summary="Revoke an API key: it works no more",
        responses={204: None, 403: PROBLEM, 404: PROBLEM, **ERRORS},
    )
    def delete(self, request: Request, prefix: str) -> Response:
        if not revoke_key(asking(request), prefix):
            raise Http404
        return Response(status=204)


def _shown(key: ApiKey) -> dict[str, Any]:
    return {
        "prefix": key.prefix,
        "name": key.name,
        "scopes": key.scopes,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "last_used_at": key.last_used_at,
    }
