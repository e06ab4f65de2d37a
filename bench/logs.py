"""The jobs of a log in the Standard Workload Format, for benches that simulate: they have no site."""

from __future__ import annotations

import os
from pathlib import Path

from django.conf import settings

from queueapp.swf import Entry, read_log


def entries(path: Path) -> list[Entry]:
    """Return the jobs of a log, in the order of the file. Lines that are malformed are left out.

    Raises UnreadableLog. What is wrong is said in English where no settings of Django are named.
    """
    if not settings.configured and "DJANGO_SETTINGS_MODULE" not in os.environ:
        settings.configure(USE_I18N=False)
    return [entry for entry in read_log(path) if isinstance(entry, Entry)]
