"""The event stream: one hub per web process, and the streams that it feeds."""
