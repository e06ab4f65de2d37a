"""Loss of power under load, and recovery from the data as of the last fsync: python -m bench.powerloss"""
