"""Middleware, the limit of request bodies, client addresses, and refusals as problem details (RFC 9457)."""
