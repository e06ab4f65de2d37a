"""Tokens: obtained with a password, renewed once each, and revoked."""

from __future__ import annotations

from typing import Any, cast

from django.db import transaction
from django.utils import timezone
from pydantic import BaseModel, Field
from rest_framework.exceptions import AuthenticationFailed, ErrorDetail, Throttled
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import CharField
from rest_framework_simplejwt.exceptions import InvalidToken
from rest_framework_simplejwt.serializers import TokenObtainPairSerializer, TokenRefreshSerializer
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken
from rest_framework_simplejwt.tokens import Token
from rest_framework_simplejwt.utils import get_md5_hash_password
from rest_framework_simplejwt.views import TokenBlacklistView, TokenObtainPairView, TokenRefreshView

from jobsite.accounts.lockout import forget_failures, is_locked_out, name_of, seconds_left, shut_sentence
from jobsite.accounts.models import User
from queueapp.api.base import ERRORS, KnownQuery
from queueapp.api.described import described
from queueapp.api.throttles import LoginThrottle
from queueapp.http.problems import seconds


class Credentials(BaseModel):
    """Who you are."""

    username: str = Field(min_length=1)
    password: str = Field(min_length=1)


class Refresh(BaseModel):
    """A refresh token."""

    refresh: str = Field(pattern=r"^[A-Za-z0-9_-]+[.][A-Za-z0-9_-]+[.][A-Za-z0-9_-]+$")


class Tokens(BaseModel):
    """A new pair of tokens."""

    access: str = Field(description="Goes into the header: Authorization: Bearer ...")
    refresh: str = Field(description="Gives the next pair, once.")


class VerbatimCredentialsSerializer(TokenObtainPairSerializer):
    """Returns tokens for a user name and a password exactly as typed: blanks at their ends count."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            cast(CharField, field).trim_whitespace = False


class RotatingRefreshSerializer(TokenRefreshSerializer):
    """Renews tokens, and refuses more than simplejwt does.

    It refuses a token that another request uses at once, one from before a change of the password, and one whose user
    is gone.
    """

    def validate(self, attrs: dict[str, Any]) -> dict[str, str]:
        """Return the new pair. Raises TokenError or AuthenticationFailed. Locks the token's row."""
        with transaction.atomic():
            token = self.token_class(attrs["refresh"])
            # A second request with the same token waits here, and then finds it blacklisted.
            list(OutstandingToken.objects.select_for_update().filter(jti=token[api_settings.JTI_CLAIM]))
            user = _user_of(token)
            made: dict[str, str] = super().validate(attrs)
        _forget_expired(user)
        return made


class TokenView(KnownQuery, TokenObtainPairView):
    """A pair of tokens for a user name and a password."""

    serializer_class = VerbatimCredentialsSerializer
    throttle_classes = [LoginThrottle]

    @described(
        operation_id="token_create",
        summary="Get a pair of tokens",
        request=Credentials,
        responses={200: Tokens, **ERRORS},
        auth=[],
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = cast(TokenObtainPairSerializer, self.get_serializer(data=request.data))
        try:
            serializer.is_valid(raise_exception=True)
        except AuthenticationFailed:
            if is_locked_out(request):
                wait = seconds_left(request, name_of(request, cast("dict[str, Any]", request.data)))
                shut = Throttled(seconds(wait))
                shut.detail = ErrorDetail(shut_sentence(wait))
                raise shut from None
            raise
        user = cast(User, serializer.user)
        forget_failures(request, user.username)
        _forget_expired(user)
        return Response(serializer.validated_data)


class RefreshView(KnownQuery, TokenRefreshView):
    """The next pair."""

    serializer_class = RotatingRefreshSerializer

    @described(
        operation_id="token_refresh_create",
        summary="Get the next pair of tokens; this refresh token then works no more",
        request=Refresh,
        responses={200: Tokens, **ERRORS},
        auth=[],
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().post(request, *args, **kwargs)


class RevokeView(KnownQuery, TokenBlacklistView):
    """Log out."""

    @described(
        operation_id="token_revoke",
        summary="Give a refresh token back: it works no more",
        request=Refresh,
        responses={204: None, **ERRORS},
        auth=[],
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        super().post(request, *args, **kwargs)
        return Response(status=204)


def _user_of(token: Token) -> User:
    """Return the token's user if active and with the same password as then. Raises InvalidToken otherwise."""
    user = User.objects.filter(pk=token[api_settings.USER_ID_CLAIM], is_active=True).first()
    if user is None or token.get(api_settings.REVOKE_TOKEN_CLAIM) != get_md5_hash_password(user.password):
        raise InvalidToken("The token's user has no account any more, or another password.")
    return user


def _forget_expired(user: User) -> None:
    """Delete the records of this user's expired tokens, which no longer work anyway."""
    OutstandingToken.objects.filter(user=user, expires_at__lt=timezone.now()).delete()
