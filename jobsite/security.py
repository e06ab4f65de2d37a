"""The part of the settings that keeps others out; docs/security.md says what for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from csp.constants import NONE, SELF

from jobsite import env

# Whether browsers reach the site by TLS, as they should anywhere but on a machine of one's own.
HTTPS = env.flag("HTTPS", default=True)

# What browsers are told: to load nothing from elsewhere, to run no script but the site's files, to show the site in
# nobody's frame. queueapp/http/middleware.py has the rest of the headers.
CONTENT_SECURITY_POLICY: dict[str, Any] = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],  # the API's page has small pictures in its style sheet
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SERVESTATIC_ALLOW_ALL_ORIGINS = False

# Pages of these origins may use the API, with a key or a token. Cookies are never taken from them.
CORS_ALLOWED_ORIGINS = env.origins("CORS_ALLOWED_ORIGINS")
CORS_MIDDLEWARE = ["corsheaders.middleware.CorsMiddleware"] if CORS_ALLOWED_ORIGINS else []
CORS_URLS_REGEX = r"^/api/"
CORS_ALLOW_CREDENTIALS = False
CORS_ALLOW_METHODS = ["GET", "POST", "PATCH", "DELETE", "OPTIONS"]
CORS_ALLOW_HEADERS = ["accept", "authorization", "content-type", "last-event-id", "traceparent"]
CORS_EXPOSE_HEADERS = ["Location", "RateLimit", "RateLimit-Policy", "Retry-After", "WWW-Authenticate"]

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_HTTPONLY = False  # the page's scripts send it along
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SECURE = HTTPS

# The web server knows whether a request came by TLS: from its proxy, where it trusts that one (FORWARDED_ALLOW_IPS).
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SILENCED_SYSTEM_CHECKS = [
    "security.W021",  # being built into browsers is hard to undo: that is for the owner of the domain to ask for
    # These know Django's middleware by its name, and http/middleware.py has subclasses of it.
    "security.W001",
    "security.W002",
    "security.W003",
]

# Too many wrong passwords for one name from one address shut the log-in for that pair: whoever guesses at a name
# elsewhere cannot shut its owner out.
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # Retry-After is a promise
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
AXES_SENSITIVE_PARAMETERS = ["username"]  # into whose field people type passwords; the log has the address
AXES_USERNAME_CALLABLE = "jobsite.accounts.lockout.name_of"
AXES_CLIENT_IP_CALLABLE = "queueapp.http.address.client_address"
AXES_LOCKOUT_CALLABLE = "jobsite.accounts.lockout.locked_out"
