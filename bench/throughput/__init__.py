"""Throughput: no-op jobs per second, and the cost of each, beside other queues and the bare database."""
