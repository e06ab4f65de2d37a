"""The peer: a Django project with django-eventstream, and nothing else."""
