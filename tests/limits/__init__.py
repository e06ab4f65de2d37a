"""Limits, bounds and security."""
