"""What the broker does now and then: the sweep, due jobs, pruning and vacuum."""
