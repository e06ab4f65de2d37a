"""The broker's housekeeping: the sweep, due jobs, totals, pruning and vacuum."""
