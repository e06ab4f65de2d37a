"""The processes of a django-q2 cluster that run jobs: supervisor, broker, workers and task processes."""
