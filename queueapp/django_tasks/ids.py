"""Ids of results: `owner.job_id.signature`, less than 64 characters.

Names of jobs can be guessed; ids cannot, as SECRET_KEY signs them. So a project may hand an id to a browser, and read
the result by the id that comes back.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.http import base36_to_int, int_to_base36

LONGEST_JOB_ID = 36
"""Maximum length of a job_id, in characters: a UUID with its hyphens. Django's ids have less than 64."""
SIGNATURE_BYTES = 9

_ID = re.compile(rf"([0-9a-z]{{1,13}})\.(.{{1,{LONGEST_JOB_ID}}})\.([A-Za-z0-9_-]{{12}})")


def result_id(owner: int, job_id: str) -> str:
    """Return the id of the result of this owner's job."""
    whose = f"{int_to_base36(owner)}.{job_id}"
    return f"{whose}.{_signature(whose, settings.SECRET_KEY)}"


def read_id(given: object) -> tuple[int, str] | None:
    """Return the owner and the job_id; None if it is no id, or not signed by SECRET_KEY or one of its fallbacks."""
    found = _ID.fullmatch(given) if isinstance(given, str) else None
    if found is None:
        return None
    owner, job_id, signature = found.groups()
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    if not any(constant_time_compare(signature, _signature(f"{owner}.{job_id}", key)) for key in keys):
        return None
    return base36_to_int(owner), job_id


def _signature(text: str, key: str | bytes) -> str:
    digest = salted_hmac("queueapp.django_tasks", text, secret=key, algorithm="sha256").digest()
    return urlsafe_b64encode(digest[:SIGNATURE_BYTES]).decode()
