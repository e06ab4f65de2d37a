"""Fault injection: a whole site under load while its processes, connections and database fail: python -m bench.chaos"""
