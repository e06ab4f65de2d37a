"""The latency from a job's submission to its start, on an idle site and beside a flood."""
