"""Does: one file per arrow of the state diagram. Each verb owns its transaction.

Locks are always taken in this order: routing (advisory), flow (advisory), processor row, leftover, owner (advisory),
horizon (advisory), tallies by flow, waiting rows. Only due.sql locks waiting rows first: it skips those that others are
at, and they are in no flow. The SQL in sql/ names each where it takes it.
"""
