"""Settings from environment variables. Each is checked: a wrong one stops the start with one sentence."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

_env = environ.Env()

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?|https?://\[[0-9a-f:]+\](?::[0-9]{1,5})?")

LEAST_SECRET = 50
"""Minimum length of a secret key, in characters, as in Django's own check."""


@contextmanager
def stop_in_one_sentence(program: str) -> Iterator[None]:
    """Exit with one sentence instead of a traceback if a setting is wrong (ImproperlyConfigured)."""
    try:
        yield
    except ImproperlyConfigured as wrong:
        sys.exit(f"{program}: {wrong}")


def required(name: str, meaning: str) -> str:
    """Return the text of variable `name`. Raises ImproperlyConfigured if it is missing or empty."""
    value: str = _env.str(name, default="")
    if not value:
        raise ImproperlyConfigured(f"Set {name}: {meaning}.")
    return value


def secret(name: str, meaning: str) -> str:
    """Return the secret in variable `name`. Raises ImproperlyConfigured if it is missing or easily guessed."""
    value = required(name, meaning)
    if len(value) < LEAST_SECRET or len(set(value)) < 5:
        raise ImproperlyConfigured(f"Set {name} to at least {LEAST_SECRET} random characters: {meaning}.")
    return value


def optional_secret(name: str, least: int) -> str:
    """Return the secret in variable `name`, empty if it is not set. Raises ImproperlyConfigured if it is short."""
    value = text(name, default="")
    if value and len(value) < least:
        raise ImproperlyConfigured(f"Set {name} to at least {least} random characters, or remove it.")
    return value


def text(name: str, *, default: str) -> str:
    """Return the text of variable `name`, or the default if it is not set."""
    value: str = _env.str(name, default=default)
    return value


def choice(name: str, *choices: str) -> str:
    """Return the text of variable `name`, by default the first choice. Raises ImproperlyConfigured for any other."""
    value = text(name, default="") or choices[0]
    if value not in choices:
        raise ImproperlyConfigured(f"Set {name} to {' or '.join(choices)}, not {value!r}.")
    return value


def flag(name: str, *, default: bool) -> bool:
    """Whether variable `name` is 1, true, yes or on. Empty means no.

    Raises ImproperlyConfigured unless it is one of these, or 0, false, no or off.
    """
    value = text(name, default="yes" if default else "no").lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off", ""}:
        return False
    raise ImproperlyConfigured(f"Set {name} to yes or no, not {value!r}.")


def integer(name: str, *, default: int, least: int, most: int | None = None) -> int:
    """Return the integer in variable `name`. Raises ImproperlyConfigured if it is not one, or out of bounds."""
    value = text(name, default=str(default))
    bounds = f"of at least {least}" if most is None else f"from {least} to {most}"
    if not value.isdecimal() or int(value) < least or (most is not None and int(value) > most):
        raise ImproperlyConfigured(f"Set {name} to a whole number {bounds}, not {value!r}.")
    return int(value)


def bounds(name: str, *, default: str, most: int) -> tuple[int, int]:
    """Return the two numbers of variable `name`, "1-16"; "4" is both. Raises ImproperlyConfigured."""
    value = text(name, default=default)
    low, dash, high = value.partition("-")
    numbers = [low, high if dash else low]
    if not all(number.isdecimal() and 1 <= int(number) <= most for number in numbers) or int(low) > int(numbers[1]):
        raise ImproperlyConfigured(f"Set {name} to a whole number from 1 to {most}, or to bounds: 1-16, not {value!r}.")
    return int(low), int(numbers[1])


def words(name: str, *, default: list[str]) -> list[str]:
    """Return the comma-separated words of variable `name`."""
    value: list[str] = _env.list(name, default=default)
    return value


def origins(name: str) -> list[str]:
    """Return the comma-separated origins of variable `name`. Raises ImproperlyConfigured if one is none, such as *."""
    found = [word.strip() for word in words(name, default=[]) if word.strip()]
    if wrong := [origin for origin in found if not _ORIGIN.fullmatch(origin)]:
        raise ImproperlyConfigured(f"Set {name} to origins such as https://board.example.org, not {wrong[0]!r}.")
    return found


def required_list(name: str, meaning: str) -> list[str]:
    """Return the comma-separated words of variable `name`. Raises ImproperlyConfigured if there is none."""
    value = [word.strip() for word in required(name, meaning).split(",") if word.strip()]
    if not value:
        raise ImproperlyConfigured(f"Set {name}: {meaning}.")
    return value


def optional_integers(*names: str) -> dict[str, int]:
    """Return the variables that are set and not empty, as integers of at least 0. Raises ImproperlyConfigured."""
    return {name: integer(name, default=0, least=0) for name in names if text(name, default="")}


def email_settings(name: str, url: str) -> dict[str, Any]:
    """Return Django's settings of the mail server at `url`, the value of variable `name`; none if it is empty.

    Raises ImproperlyConfigured if it is not one of SMTP.
    """
    if not url:
        return {}
    if not re.match(r"smtp(\+tls|\+ssl)?://", url):
        raise ImproperlyConfigured(
            f"Set {name} to a mail server, such as smtp+tls://user:password@mail.example.org:587."
        )
    config: dict[str, Any] = _env.email_url_config(url)
    return config


def database_url(name: str, url: str) -> dict[str, Any]:
    """Return Django's settings of the database at `url`, the value of variable `name`.

    Raises ImproperlyConfigured if it is not PostgreSQL.
    """
    config: dict[str, Any] = _env.db_url_config(url)
    if config.get("ENGINE") != "django.db.backends.postgresql":
        raise ImproperlyConfigured(f"Set {name} to a PostgreSQL database: postgresql://user@host/name.")
    return config
