"""Does: one file per arrow of the state diagram. Each verb owns its transaction.

Locks are always taken in this order: routing (advisory), flow (advisory), processor row, pending move, owner
(advisory), order (advisory), flow states by flow, waiting rows. Only due.sql locks waiting rows first: it skips those
that others are at, and they are in no flow. The SQL in db/sql/ names each where it takes it.
"""
