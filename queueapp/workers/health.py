"""Health of a cluster, without the database: the command touches a file while it goes round."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from ..conf import queue_settings

logger = logging.getLogger(__name__)

TOUCH_SECONDS = 1.0
"""Seconds between two signs of life."""
SILENT_SECONDS = 60.0
"""Seconds without a sign of life after which a cluster counts as dead. With the database away, a round takes longer."""


class Health:
    """Signs of life of this process's cluster. Without HEALTH_FILE it gives none."""

    def __init__(self) -> None:
        self._file = Path(queue_settings().HEALTH_FILE) if queue_settings().HEALTH_FILE else None
        self._touched_at = float("-inf")

    def touch(self) -> None:
        """Give a sign of life, once a second. Raises ImproperlyConfigured if the file cannot be written at first."""
        now = time.monotonic()
        if self._file is None or now - self._touched_at < TOUCH_SECONDS:
            return
        try:
            self._file.touch()
        except OSError as error:
            if self._touched_at < 0:
                raise ImproperlyConfigured(f"Set HEALTH_FILE to a file that can be written: {error}.") from error
            logger.warning("No sign of life can be given to HEALTH_FILE: %s", error)
        self._touched_at = now

    def remove(self) -> None:
        """Remove the file, as the cluster has ended."""
        if self._file is not None:
            self._file.unlink(missing_ok=True)


def silence() -> str | None:
    """Return in a sentence why the cluster of HEALTH_FILE counts as dead; None: it is alive.

    Raises ImproperlyConfigured without HEALTH_FILE.
    """
    name = queue_settings().HEALTH_FILE
    if not name:
        raise ImproperlyConfigured("Set HEALTH_FILE to the file that the running command touches.")
    try:
        seconds = time.time() - Path(name).stat().st_mtime
    except OSError:
        return f"No cluster has given a sign of life in {name}."
    return f"The cluster has given no sign of life for {seconds:.0f} s." if seconds > SILENT_SECONDS else None
