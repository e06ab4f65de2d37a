"""Reads and replays the logs of shared computers."""
