"""The program: its global options, its errors, and its commands."""

from __future__ import annotations

import getpass
import sys
from typing import Annotated

import typer

from .. import __version__
from .output import note, print_json
from .settings import Settings, load

app = typer.Typer(
    help="Submit jobs to a Turnabout site, watch them, and get their results.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 a job failed or was cancelled, 2 usage, 3 not logged in, 4 the site does not answer, "
    "5 the site refused it, 6 the time to wait is over, 130 interrupted.",
)


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"turnabout {__version__}\n")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    url: Annotated[str | None, typer.Option(help="The address of the site; or TURNABOUT_URL.")] = None,
    for_user: Annotated[str | None, typer.Option(help="For staff: act on this user's jobs.")] = None,
    for_key: Annotated[str | None, typer.Option(help="For staff: act on this fairness key's jobs.")] = None,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True)] = False,
) -> None:
    """Submit jobs to a Turnabout site, watch them, and get their results."""
    context.obj = load(url, for_user, for_key)


@app.command()
def login(
    context: typer.Context,
    username: Annotated[str | None, typer.Argument(help="Your user name. Asked for if it is left out.")] = None,
    password_stdin: Annotated[bool, typer.Option(help="Read the password from standard input.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Log in. The tokens are kept in a file that only you can read; the password is not kept."""
    settings: Settings = context.obj
    if username is None:
        username = settings.username or _ask(settings)
    if password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        _require_terminal("--password-stdin")
        password = getpass.getpass(f"Password of {username} at {settings.url}: ")
    with settings.client(username=username, password=password, tokens=settings.tokens()) as client:
        client.log_in()
    if json:
        print_json({"url": settings.url, "username": username})
    else:
        note(f"Logged in at {settings.url} as {username}.")


@app.command()
def logout(context: typer.Context) -> None:
    """Log out: the tokens are given back and forgotten."""
    settings: Settings = context.obj
    with settings.client(tokens=settings.tokens()) as client:
        client.log_out()


def _ask(settings: Settings) -> str:
    _require_terminal("USERNAME")
    answer: str = typer.prompt(f"User name at {settings.url}", err=True)
    return answer


def _require_terminal(instead: str) -> None:
    if not sys.stdin.isatty():
        raise typer.BadParameter(f"there is no terminal to ask at: give {instead}")


from . import jobs, replay, submit, watch  # noqa: E402, F401 (their commands register themselves)
