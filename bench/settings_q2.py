"""The benches' settings with django-q2's ORM broker instead of this project's broker."""

from bench.settings import *  # noqa: F403
from jobsite.settings import MAX_PROCESSORS

Q_CLUSTER = {
    "name": "turnabout",
    "workers": MAX_PROCESSORS,
    "orm": "default",
    "save_limit": 0,  # keep every result: the bench counts them
    "timeout": 60,
    "retry": 120,
}
