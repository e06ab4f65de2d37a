"""Decides, in plain Python without Django: which rule covers a user, and when a job will start."""
