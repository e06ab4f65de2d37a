"""The demo accounts. `make run` makes them in its embedded database; elsewhere only `demo_accounts` does."""

PASSWORD = "turnabout"  # noqa: S105 (printed at the start; the demo listens on loopback only)

ACCOUNTS = [
    ("alice", PASSWORD, "submits jobs"),
    ("bob", PASSWORD, "submits jobs"),
    ("carol", PASSWORD, "submits jobs"),
    ("admin", PASSWORD, "staff: the admin, with rules, jobs and processors"),
]
"""User name, password, and what the account is for."""
