"""Logs and their replay."""
