"""A morning of one user, for pictures: jobs that ended over some hours, that run, and that wait."""

from __future__ import annotations

from tests.kit.pages import send, wait_for_ended
from tests.kit.site import Site

ENDED = [
    {"job_id": "render-9", "duration": 0.31},
    {"job_id": "mail-merge", "duration": 0.4},
    {"job_id": "archive-check", "duration": 0.1, "task": "checksum", "payload": {"path": "archive/2025.tar"}},
    {"job_id": "render-11", "duration": 0.32},
    {"job_id": "greeting-check", "duration": 0.1, "task": "checksum", "payload": {"path": "hello.txt"}},
    {"job_id": "render-12", "duration": 0.3},
]
NOW = [{"job_id": "render-13", "duration": 8}, {"job_id": "preview-13", "duration": 2}]
NEXT = [
    {"job_id": job_id, "duration": duration}
    for job_id, duration in [
        ("render-14", 6), ("weekly-report", 4), ("thumbnails", 2.5), ("render-15", 12.5), ("render-16", 12.5)
    ]
]  # fmt: skip


def look_back_on_a_morning(site: Site, name: str) -> None:
    """Jobs of this user that ended, well or not, as if over the last hours and not within a second."""
    send(site, name, ENDED)
    wait_for_ended(site, name, len(ENDED))
    site.query(
        "WITH ended AS (SELECT job_id, row_number() OVER (ORDER BY number DESC) AS back FROM queueapp_outcome o"
        "  JOIN queueapp_owner w ON w.id = owner_id"
        " JOIN accounts_user u ON u.id = w.user_id WHERE username = %s),"
        " longer AS (UPDATE queueapp_job j SET duration = duration * 40 FROM ended WHERE ended.job_id = j.id)"
        " UPDATE queueapp_outcome o SET time_spent = time_spent * 40,"
        "  finished_at = finished_at - interval '3 min' * back * back,"
        "  started_at = started_at - interval '3 min' * back * back - interval '1 s' * time_spent * 40"
        "  FROM ended WHERE ended.job_id = o.job_id",
        name,
    )
