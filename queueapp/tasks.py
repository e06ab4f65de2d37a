"""The tasks that come with the queue: `wait`, and `checksum` as an example of real work."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .conf import queue_settings
from .errors import JobFailed
from .registry import Handle, task

CHUNK = 1 << 20
STEP = 0.05


@task("wait")
def wait(job: Handle) -> None:
    """Hold a processor for the job's duration."""
    begin = time.monotonic()
    while (left := begin + job.duration - time.monotonic()) > 0:
        job.progress(1 - left / job.duration, f"{left:.0f} s left" if left >= 1 else "")
        time.sleep(min(left, STEP))
    job.progress(1.0)


def file_in_folder(path: str) -> Path:
    """The file at `path` below the folder for checksums, links followed. Raises JobFailed where it lies outside."""
    setting = queue_settings().CHECKSUM_FOLDER
    if not setting:
        raise JobFailed("No folder is set for checksums: set CHECKSUM_FOLDER.")
    folder = Path(setting).resolve()
    try:
        file = (folder / path).resolve()
    except (ValueError, OSError, RuntimeError) as error:
        raise JobFailed(f"{path!r} is not a path.") from error
    if not file.is_relative_to(folder) or file == folder:
        raise JobFailed(f"{path!r} leaves the folder for checksums.")
    return file


def _refuse_outside(payload: Mapping[str, Any]) -> str | None:
    try:
        file_in_folder(payload["path"])
    except JobFailed as refused:
        return str(refused)
    return None


@task("checksum", check=_refuse_outside)
def checksum(job: Handle, path: str) -> dict[str, Any]:
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
