"""Logs of shared computers, read and replayed."""
