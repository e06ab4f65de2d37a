"""The whole, from end to end, and the proofs."""
