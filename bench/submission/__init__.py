"""The cost of submissions over HTTP."""
