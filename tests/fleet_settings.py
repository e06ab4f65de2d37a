"""The tests' settings with a fleet that shrinks soon."""

from tests.settings import *  # noqa: F403
from tests.settings import QUEUEAPP

QUEUEAPP = QUEUEAPP | {"AUTOSCALE_WINDOW_SECONDS": 2.0}
