"""django-q2's configuration in the processes of a cluster, whatever Q_CLUSTER says.

A project may use django-q2 for tasks of its own: Q_CLUSTER is for its `qcluster`, which this does not touch.
"""

from __future__ import annotations

import logging

from django_q.conf import Conf

CONFIGURATION = {
    "PREFIX": "turnabout",
    "CLUSTER_NAME": "turnabout",
    "BROKER_CLASS": "queueapp.workers.broker.TicketBroker",
    "QUEUE_LIMIT": 1,
    "RECYCLE": 100_000,
    "MAX_RSS": None,
    "TIMEOUT": -1,
    "RETRY": 2**31,
    "SAVE_LIMIT": -1,
    "ACK_FAILURES": True,
    "MAX_ATTEMPTS": 0,
    "DAEMONIZE_WORKERS": True,
    "CPU_AFFINITY": 0,
    "POLL": 0,
    "SCHEDULER": False,
    "SYNC": False,
    "ERROR_REPORTER": {},
}
"""django-q2 supervises processes; which job is next is decided by the broker and the claim. So nothing of it has a
timeout, is tried again or is stored."""


def configure() -> None:
    """Configure django-q2 in this process and those that it forks. It logs warnings only, as a ticket is a line."""
    for name, value in CONFIGURATION.items():
        setattr(Conf, name, value)
    logging.getLogger("django-q").setLevel(logging.WARNING)
