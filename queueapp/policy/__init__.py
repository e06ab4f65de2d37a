"""The decisions of the queue in plain Python, without Django: which rule covers a user, when a job will start."""
