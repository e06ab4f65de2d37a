"""The settings of a command: options, then environment variables, then the file."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from platformdirs import user_config_path, user_state_path

from .. import Client, FileTokens

DEFAULT_URL = "http://127.0.0.1:8000"
KINDS = {"url": str, "username": str, "token": str, "key": str, "retry_for": (int, float)}


@dataclass(frozen=True)
class Settings:
    """Which site, as whom. `retry_for`: seconds for which a request is sent again."""

    url: str
    username: str | None
    token: str | None
    key: str | None
    retry_for: float
    for_user: str | None = None
    for_key: str | None = None

    def client(self, **login: Any) -> Client:
        """Return a client. `login`: username and password, if they are known."""
        if not login:
            given = {"token": self.token, "key": self.key}
            login = given if any(given.values()) else {"tokens": self.tokens()}
        return Client(self.url, for_user=self.for_user, for_key=self.for_key, retry_for=self.retry_for, **login)

    def tokens(self) -> FileTokens:
        """Return where `turnabout login` keeps the tokens of this site."""
        return FileTokens(state_folder() / "tokens.json", self.url)


def config_file() -> Path:
    """Return the path of the settings' file: TURNABOUT_CONFIG, else where the platform has such files."""
    return Path(os.environ.get("TURNABOUT_CONFIG") or user_config_path("turnabout") / "config.toml")


def state_folder() -> Path:
    """Return the folder of the tokens: TURNABOUT_STATE, else where the platform has such files."""
    return Path(os.environ.get("TURNABOUT_STATE") or user_state_path("turnabout"))


def load(url: str | None, for_user: str | None, for_key: str | None) -> Settings:
    """Return the settings in force. Raises ValueError, in one sentence, if the file or a variable makes no sense."""
    given = _file(config_file())
    environment = os.environ.get
    bearer = {name: environment(f"TURNABOUT_{name.upper()}", "").strip() or None for name in ("token", "key")}
    if not any(bearer.values()):
        bearer = {name: given.get(name) for name in bearer}
    retry_for = environment("TURNABOUT_RETRY_FOR") or given.get("retry_for", 15)
    try:
        seconds = float(retry_for)
    except ValueError:
        raise ValueError(f"TURNABOUT_RETRY_FOR must be a number of seconds, not {retry_for!r}.") from None
    return Settings(
        url or environment("TURNABOUT_URL") or given.get("url", DEFAULT_URL),
        environment("TURNABOUT_USERNAME") or given.get("username"), **bearer, retry_for=seconds,
        for_user=for_user, for_key=for_key,
    )  # fmt: skip


def _file(path: Path) -> dict[str, Any]:
    try:
        given = tomllib.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as wrong:
        raise ValueError(f"{path} is not TOML: {wrong}.") from None
    for name, value in given.items():
        if name not in KINDS:
            raise ValueError(f"{path}: there is no setting {name!r}; there are {', '.join(KINDS)}.")
        if not isinstance(value, KINDS[name]):  # type: ignore[arg-type]
            raise ValueError(f"{path}: {name} has the wrong type.")
    return given
