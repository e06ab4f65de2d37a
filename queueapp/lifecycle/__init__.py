"""One module per verb of a job's life. Each verb owns its transaction.

Locks are taken in this order: routing (advisory), flow (advisory), processor row, pending move, owner (advisory), flow
states by flow, waiting rows. Order (advisory) may come at any point: its one exclusive holder waits for nobody. Where a
step differs it does not wait: claim.sql only tries the flow (advisory), after the flow state, and due.sql skips waiting
rows that are locked. docs/internals/locks.md has each lock, who takes it and when, and the few steps after which a
deadlock is possible and retried (db/conflicts.py).
"""
