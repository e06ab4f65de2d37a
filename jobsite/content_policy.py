"""The Content-Security-Policy header."""

from __future__ import annotations

from csp.middleware import CSPMiddleware

from queueapp.http.middleware import NoThreadHop


class AsyncContentSecurityPolicyMiddleware(NoThreadHop, CSPMiddleware):
    """django-csp's: adds the policy of the settings. It switches no thread."""
