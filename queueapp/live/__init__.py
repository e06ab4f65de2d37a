"""Live: one hub per web process, and the streams it feeds."""
