"""Histories of runs in the form that Jepsen uses, and a checker that shares no code with the product."""
