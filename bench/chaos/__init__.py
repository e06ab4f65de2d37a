"""Chaos: the whole site under load while everything it stands on is killed; python -m bench.chaos."""
