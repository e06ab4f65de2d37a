"""As tests/conftest.py: no thread of the process may use the database between tests."""

from queueapp.lifecycle.announce import announcer

announcer.driven = True
