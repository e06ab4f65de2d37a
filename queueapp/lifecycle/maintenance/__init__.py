"""The broker's housekeeping: the sweep, due jobs, pruning and vacuum."""
