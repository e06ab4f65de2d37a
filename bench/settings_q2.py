"""The benches' settings with django-q2's own ORM broker in place of this project's."""

from bench.settings import *  # noqa: F403
from jobsite.settings import PROCESSORS

Q_CLUSTER = {
    "name": "turnabout",
    "workers": PROCESSORS,
    "orm": "default",
    "save_limit": 0,  # keep every result: the bench counts them
    "timeout": 60,
    "retry": 120,
}
