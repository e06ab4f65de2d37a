"""Decisions, without a database."""
