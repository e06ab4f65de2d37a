"""The verbs of a job, on PostgreSQL."""
