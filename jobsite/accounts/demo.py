"""The demo accounts that `make run` makes in its embedded database, and nowhere else."""

PASSWORD = "turnabout"  # noqa: S105 (printed at the start; the demo listens on loopback only)

ACCOUNTS = [
    ("alice", PASSWORD, "submits jobs"),
    ("bob", PASSWORD, "submits jobs"),
    ("carol", PASSWORD, "submits jobs"),
    ("admin", PASSWORD, "staff: the admin, with rules, jobs and processors"),
]
"""User name, password, and what the account is for."""
