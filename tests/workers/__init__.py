"""Clusters, workers and task processes."""
