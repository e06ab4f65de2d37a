"""The site's addresses and a lean view, the least that can store something: a token, JSON, one INSERT."""

from __future__ import annotations

import json
from typing import Any, cast

from django.db import connection
from django.urls import include, path
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


class LeanView(APIView):
    """Stores a job, and checks and counts nothing."""

    parser_classes = [JSONParser]
    throttle_classes = []

    def post(self, request: Request) -> Response:
        asked = cast(dict[str, Any], request.data)
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO bench_lean (owner, job_id, duration, payload) VALUES (%s, %s, %s, %s::jsonb) RETURNING id",
                [request.user.pk, asked["job_id"], asked["duration"], json.dumps(asked["payload"])],
            )
            return Response({"id": cursor.fetchone()[0]}, 201)


urlpatterns = [path("api/v1/lean/", LeanView.as_view()), path("", include("jobsite.urls"))]
