"""The benches' settings with the address of the lean view on top."""

from bench.settings import *  # noqa: F403

ROOT_URLCONF = "bench.submission.urls"
