"""Shared helpers of the tests: a site, jobs and users, interleavings, networks."""
