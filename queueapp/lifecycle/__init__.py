"""One module per step of a job's life. Each step owns its transaction.

Transactions take locks in this order: routing (advisory), flow (advisory), processor row, pending move, owner
(advisory), order start, flow states by flow, waiting rows. Order (advisory) may come at any point: its one exclusive
holder never waits. Most steps that differ do not wait: claim.sql only tries the flow (advisory), after the flow state,
and due.sql skips locked waiting rows. docs/internals/locks.md lists each lock, its takers, and the few steps after
which a deadlock is possible and retried (db/conflicts.py).
"""
