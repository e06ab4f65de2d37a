"""Does: one file per arrow of the state diagram. Each verb owns its transaction.

Locks are always taken in this order: routing (advisory), flow (advisory), flow rows by id, waiting rows,
processor row, owner (advisory). The SQL in sql/ names each where it takes it.
"""
