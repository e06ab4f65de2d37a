"""The site's settings, with passwords that are cheap to check: tests log in often."""

from jobsite.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
