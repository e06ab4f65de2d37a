"""Signals that a project may receive."""

from django.dispatch import Signal

job_completed = Signal()
"""A job has succeeded, failed for good, or was cancelled, and its outcome is durable. `job`: its handle (handle.Job).

Sent at least once for each end, in the order of the ends, by a process of its own beside the processors: see
workers/completed.py. Connect receivers in AppConfig.ready(). A receiver's exception is logged, and not repeated.
"""
