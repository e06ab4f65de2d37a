"""Compression without a server: what is compressed, and what other requests notice of it."""

from __future__ import annotations

import asyncio
import gzip
import os
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import pytest
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.test import RequestFactory

from queueapp.http.compression import THREADED_FROM_BYTES, CompressionMiddleware

LIST = b'{"job_id": "a job", "status": "queued"}, ' * 100


def accepting() -> HttpRequest:
    return RequestFactory().get("/", HTTP_ACCEPT_ENCODING="gzip")


def middleware(response: Callable[[], HttpResponseBase]) -> Any:
    async def answer(request: HttpRequest) -> HttpResponseBase:
        return response()

    # Django's stubs know no asynchronous middleware.
    return CompressionMiddleware(cast(Any, answer))


def answered(content: bytes) -> HttpResponse:
    async def work() -> HttpResponse:
        return cast(HttpResponse, await middleware(lambda: HttpResponse(content))(accepting()))

    return asyncio.run(work())


@pytest.mark.parametrize("content", [LIST, LIST * 100], ids=["small", "large"])
def test_what_arrives_is_what_was_sent_and_shorter(content: bytes) -> None:
    response = answered(content)
    assert response.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(response.content) == content
    assert int(response.headers["Content-Length"]) == len(response.content) < len(content) / 2


@pytest.mark.parametrize(
    "content", [b"x" * 100, os.urandom(5_000), os.urandom(THREADED_FROM_BYTES)], ids=["short", "noise", "much"]
)
def test_what_would_not_become_shorter_goes_as_it_is(content: bytes) -> None:
    response = answered(content)
    assert "Content-Encoding" not in response.headers
    assert response.content == content


def test_the_length_of_a_page_tells_little_of_the_secrets_in_it() -> None:
    """Otherwise whoever can put text into a page could guess its token, byte by byte (BREACH)."""
    assert len({len(answered(LIST).content) for _ in range(30)}) > 1


def test_while_a_large_response_is_compressed_others_are_answered() -> None:
    content = os.urandom(THREADED_FROM_BYTES) * 60

    async def work() -> int:
        compressing = asyncio.ensure_future(middleware(lambda: HttpResponse(content))(accepting()))
        others = 0
        while not compressing.done():
            await asyncio.sleep(0)
            others += 1
        return others

    assert asyncio.run(work()) > 10


def test_a_small_response_waits_for_no_thread() -> None:
    answer = middleware(lambda: HttpResponse(LIST))(accepting())
    with pytest.raises(StopIteration) as over:
        answer.send(None)
    assert over.value.value.headers["Content-Encoding"] == "gzip"


def test_the_parts_of_a_stream_go_out_as_they_are() -> None:
    """Compressed, an event would wait for those after it."""

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield LIST

    async def work() -> list[bytes]:
        response = await middleware(lambda: StreamingHttpResponse(parts()))(accepting())
        assert "Content-Encoding" not in response.headers
        return [part async for part in response]

    assert asyncio.run(work()) == [LIST] * 3


def test_a_server_without_an_event_loop_compresses_too() -> None:
    response = CompressionMiddleware(lambda request: HttpResponse(LIST))(accepting())
    assert gzip.decompress(cast(HttpResponse, response).content) == LIST
