"""Database plumbing: SQL functions, prepared statements, conflicts, sessions, clock. It knows nothing of jobs."""
