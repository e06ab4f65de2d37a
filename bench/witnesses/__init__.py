"""Mutation tests: small faults in the product, each of which a test must catch."""
