"""Histories of runs in the format of Jepsen, and a checker that shares no code with the product."""
