"""The tasks that come with the queue: `wait`, and `checksum` as an example of real work."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .conf import queue_settings
from .errors import JobFailed
from .notices import delivery, digests  # noqa: F401 (each registers)
from .registry import JobContext, task

CHUNK = 1 << 20
STEP = 0.05
LONGEST_PATH = 4096
"""Bytes of a path, as Linux has it (PATH_MAX). Resolving takes time with the square of the length."""


@task("wait")
def wait(job: JobContext) -> None:
    """Hold a processor for the job's duration."""
    begin = time.monotonic()
    while (left := begin + job.duration - time.monotonic()) > 0:
        job.progress(1 - left / job.duration, f"{left:.0f} s left" if left >= 1 else "")
        time.sleep(min(left, STEP))
    job.progress(1.0)


def file_in_folder(path: str) -> Path:
    """The file at `path` below the folder for checksums, links followed. Raises JobFailed where it lies outside."""
    folder = _folder()
    _refuse_long(path)
    try:
        file = (folder / path).resolve()
    except (ValueError, OSError, RuntimeError) as error:
        raise JobFailed(f"{path!r} is not a path.") from error
    if not file.is_relative_to(folder) or file == folder:
        raise JobFailed(f"{path!r} leaves the folder for checksums.")
    return file


def _folder() -> Path:
    setting = queue_settings().CHECKSUM_FOLDER
    if not setting:
        raise JobFailed("No folder is set for checksums: set CHECKSUM_FOLDER.")
    return Path(setting).resolve()


def _refuse_long(path: str) -> None:
    if len(path.encode(errors="replace")) > LONGEST_PATH:
        raise JobFailed(f"The path is too long: at most {LONGEST_PATH:,} bytes are taken.")


def _refuse_outside(payload: Mapping[str, Any]) -> str | None:
    """What is wrong with the path by its words alone: of 10,000 jobs of a request none may look at the disk. Where
    links lead is seen when the job runs."""
    path: str = payload["path"]
    try:
        folder = _folder()
        _refuse_long(path)
    except JobFailed as refused:
        return str(refused)
    if "\0" in path:
        return f"{path!r} is not a path."
    file = os.path.normpath(os.path.join(folder, path))
    if not file.startswith(os.path.join(folder, "")):
        return f"{path!r} leaves the folder for checksums."
    return None


@task("checksum", check=_refuse_outside)
def checksum(job: JobContext, path: str) -> dict[str, Any]:
    """The SHA-256 of a file below CHECKSUM_FOLDER, read in chunks."""
    file = file_in_folder(path)
    if not file.is_file():
        raise JobFailed(f"There is no file {path!r}.")
    size = file.stat().st_size
    digest = hashlib.sha256()
    done = 0
    with file.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
            done += len(chunk)
            job.progress(done / max(size, 1), f"{done / 1e6:.1f} of {size / 1e6:.1f} MB")
    return {"sha256": digest.hexdigest(), "bytes": done}
