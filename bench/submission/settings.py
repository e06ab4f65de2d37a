"""The benches' settings, with the lean view's address added."""

from bench.settings import *  # noqa: F403

ROOT_URLCONF = "bench.submission.urls"
