"""The adapter for the public harness hardbyte/postgresql-job-queue-benchmarking, and its phases run here."""
