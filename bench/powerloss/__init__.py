"""A loss of power under load: the data as of the last fsync, recovered; python -m bench.powerloss."""
