"""Event streams: many connections to one web process, beside a bare server and a peer."""
