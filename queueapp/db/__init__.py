"""Database plumbing: SQL functions, prepared statements, conflicts, sessions and clock. Knows nothing of jobs."""
