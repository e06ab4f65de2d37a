"""Sends a request until there is an answer that counts: sends it again, renews tokens, raises typed errors."""

from __future__ import annotations

from typing import TypeVar

import httpx
import msgspec

from ._steps import Alone, Patience, Request, Send, Sleep, Steps
from .credentials import Tokens, TokenStore
from .errors import ApiError, NotAuthenticated, NotTurnabout, Unreachable, error_of

S = TypeVar("S")

AGAIN = {429, 502, 503, 504}
"""Answers after which the same request may succeed."""
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
"""Failures before the server can have seen the request."""


class Api:
    """One user's access to one site. It does no I/O itself.

    `bearer`: a token or key that is sent as it is. Else `store` has tokens, renewed by the refresh token or `password`.
    `retry_for`: seconds for which a request is sent again.
    """

    def __init__(self, bearer: str | None, login: tuple[str, str] | None, store: TokenStore, retry_for: float) -> None:
        self._bearer = bearer
        self._login = login
        self.store = store
        self.retry_for = retry_for

    def call(self, request: Request, patience: Patience | None = None) -> Steps[httpx.Response]:
        """Return the answer, whose status is below 300. Raises ApiError, Unreachable, NotTurnabout."""
        patience = patience or Patience(self.retry_for)
        renewed = False
        while True:
            bearer = (yield from self._present()) if request.authenticated else None
            headers = {**request.headers, **({"Authorization": f"Bearer {bearer}"} if bearer else {})}
            try:
                response: httpx.Response = yield Send(request, headers)
            except httpx.TransportError as error:
                yield from self._pause_after(error, request, patience)
                continue
            if response.status_code < 300:
                _check(request, response)
                return response
            refused = _refusal(response)
            if refused.status == 401 and bearer and not self._bearer and not renewed:
                renewed = True
                yield Alone(self._renew(bearer))
                continue
            pause = None
            if refused.status in AGAIN and (request.repeatable or refused.status == 429):
                pause = patience.pause(refused.retry_after)
            if pause is None:
                raise refused
            yield Sleep(pause)

    def fetch(self, request: Request, shape: type[S], patience: Patience | None = None) -> Steps[S]:
        """Return the content of the answer. Raises as call()."""
        response = yield from self.call(request, patience)
        return decode(response.content, shape)

    def log_in(self) -> Steps[None]:
        """Get a pair of tokens by the password. Raises NotAuthenticated, RateLimited if it was tried too often."""
        yield Alone(self._by_password())

    def log_out(self) -> Steps[None]:
        """Give the refresh token back, and forget both."""
        yield Alone(self._revoke())

    def _present(self) -> Steps[str]:
        """Return what is sent as the bearer token now."""
        if self._bearer:
            return self._bearer
        tokens = self.store.read()
        if tokens is None:
            yield Alone(self._renew(None))
            tokens = self.store.read()
            assert tokens is not None, "_renew() writes a pair, or raises"
        return tokens.access

    def _renew(self, used: str | None) -> Steps[None]:
        """Replace the pair whose access token is `used`, unless another client has done so."""
        tokens = self.store.read()
        if tokens is not None and tokens.access != used:
            return
        if tokens is not None:
            try:
                self.store.write((yield from self._tokens("token/refresh/", {"refresh": tokens.refresh})))
            except NotAuthenticated:
                self.store.write(None)
                if self._login is None:
                    raise NotAuthenticated(401, "The log-in has ended. Log in again.") from None
            else:
                return
        yield from self._by_password()

    def _by_password(self) -> Steps[None]:
        if self._login is None:
            raise NotAuthenticated(401, "Log in first, or give a token or a key.")
        username, password = self._login
        self.store.write((yield from self._tokens("token/", {"username": username, "password": password})))

    def _revoke(self) -> Steps[None]:
        tokens = self.store.read()
        if tokens is not None:
            self.store.write(None)
            body = msgspec.json.encode({"refresh": tokens.refresh})
            yield from self.call(Request("POST", "token/revoke/", body, authenticated=False))

    def _tokens(self, path: str, content: dict[str, str]) -> Steps[Tokens]:
        return self.fetch(Request("POST", path, msgspec.json.encode(content), authenticated=False), Tokens)

    def _pause_after(self, error: httpx.TransportError, request: Request, patience: Patience) -> Steps[None]:
        pause = patience.pause() if request.repeatable or isinstance(error, NOT_SENT) else None
        if pause is None:
            raise Unreachable(f"The site does not answer: {sentence(error)}") from error
        yield Sleep(pause)


def decode(content: bytes | str, shape: type[S]) -> S:
    """Return JSON of the server as an object. Raises NotTurnabout."""
    try:
        return msgspec.json.decode(content, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        raise NotTurnabout(f"The answer is not one of Turnabout's API: {wrong}") from None


def sentence(error: Exception) -> str:
    """Return why a request failed, in words."""
    return f"{str(error) or type(error).__name__}".rstrip(".") + "."


def _check(request: Request, response: httpx.Response) -> None:
    kind = response.headers.get("content-type", "").partition(";")[0]
    expected = "application/json" if request.silence is None else "text/event-stream"
    if kind != expected and response.status_code != 204:
        raise NotTurnabout(f"There is no Turnabout at {response.request.url}: the answer is {kind or 'empty'}.")


def _refusal(response: httpx.Response) -> ApiError:
    if response.is_redirect:
        where = response.headers.get("location", "elsewhere")
        raise NotTurnabout(f"The site redirects to {where}: use the address that it redirects to.")
    seconds = response.headers.get("retry-after", "")
    return error_of(response.status_code, response.content, float(seconds) if seconds.isdecimal() else None)
