"""Submissions as the API takes them, and many of them cut into requests."""

from __future__ import annotations

import json
import unicodedata
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from .shapes import Submission

MAX_JOBS = 10_000
MAX_BYTES = 8_000_000
"""Bytes of a request, about. The server takes four times as many; a proxy may take fewer."""


class Part(NamedTuple):
    """Jobs of one request. `first`: the index of the first one in the whole list."""

    first: int
    job_ids: list[str]
    body: bytes


def encode(content: Any) -> bytes:
    """Return JSON. Raises ValueError for what JSON has no words for: NaN, lone surrogates, unknown types."""
    try:
        return json.dumps(msgspec.to_builtins(content), allow_nan=False, ensure_ascii=False).encode()
    except TypeError as wrong:
        raise ValueError(str(wrong)) from None


def named(job: Submission | Mapping[str, Any]) -> dict[str, Any]:
    """Return a submission as the API takes it, with a name made up if it has none: so it can be sent again."""
    content = dict(job) if isinstance(job, Mapping) else msgspec.to_builtins(job)
    if content.get("job_id") is None:
        content["job_id"] = str(uuid.uuid4())
    elif isinstance(content["job_id"], str):
        content["job_id"] = normal(content["job_id"])
    return content


def normal(job_id: str) -> str:
    """Return the name as the API has it: without blanks at its ends, and composed (NFC)."""
    return unicodedata.normalize("NFC", job_id.strip())


def parts(jobs: Iterable[Submission | Mapping[str, Any]]) -> Iterator[Part]:
    """Yield the jobs in requests of at most MAX_JOBS jobs and, but for one large job, MAX_BYTES bytes. Lazy.

    Raises ValueError, which names the job by its index.
    """
    first, names, encoded, size = 0, list[str](), list[bytes](), 0
    for index, job in enumerate(jobs):
        content = named(job)
        try:
            data = encode(content)
        except ValueError as wrong:
            raise ValueError(f"jobs[{index}] is not JSON: {wrong}") from None
        if names and (len(names) == MAX_JOBS or size + len(data) > MAX_BYTES):
            yield Part(first, names, _body(encoded))
            first, names, encoded, size = index, [], [], 0
        names.append(str(content["job_id"]))
        encoded.append(data)
        size += len(data)
    if names:
        yield Part(first, names, _body(encoded))


def _body(encoded: list[bytes]) -> bytes:
    return b'{"jobs":[' + b",".join(encoded) + b"]}"
