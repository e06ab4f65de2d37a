"""Rate limits, lockout and the bulkhead: how often, and how much at once."""
