"""Who calls: the auth modes, of which ``open`` reads the bearer token and never verifies it."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from bqsim.settings import AUTH_MODES, BadSetup

if TYPE_CHECKING:
    from bqsim.settings import Settings
    from bqsim.sim.clock import Clock

_MEMBER = re.compile(r"(user|serviceAccount|group):([^\s,@]+@[^\s,@]+)\Z")


@dataclass(frozen=True, slots=True)
class Caller:
    """The principal of a request: its e-mail address and the groups it belongs to."""

    email: str
    groups: tuple[str, ...] = ()


class Authenticator(Protocol):
    """An auth mode: tells who calls, or raises ``Unauthenticated``."""

    def caller(self, authorization: str) -> Caller:
        """The caller of a request with this ``Authorization`` header; empty when it has none."""
        ...


class OpenAuth:
    """Mode ``open``: everybody is who they say, and the ``default`` caller when they say nothing."""

    def __init__(self, default: str) -> None:
        self._default = default

    def caller(self, authorization: str) -> Caller:
        """See :func:`caller_of`."""
        return caller_of(authorization, self._default)


def authenticator_of(settings: Settings, clock: Clock) -> Authenticator:
    """The auth mode that the settings ask for.

    Raises :class:`BadSetup`, also for keys that cannot be used and when the extra ``jwt`` is not installed.
    """
    if settings.auth not in AUTH_MODES:
        raise BadSetup(f"unknown auth mode '{settings.auth}'; it can be {', '.join(AUTH_MODES)}")
    if not AUTH_MODES[settings.auth]:
        return OpenAuth(settings.caller)
    if settings.jwt_keys is None:
        raise BadSetup("auth mode jwt needs the file with the keys (jwt_keys)")
    from .identity_jwt import JwtAuth, load_keys

    try:
        keys = load_keys(settings.jwt_keys)
        return JwtAuth(keys, clock, audience=settings.jwt_audience, issuer=settings.jwt_issuer)
    except ModuleNotFoundError as e:
        raise BadSetup(str(e)) from None


@lru_cache(maxsize=1024)
def caller_of(authorization: str, default: str) -> Caller:
    """The caller named by an ``Authorization`` header.

    ``Bearer user:EMAIL[,group:EMAIL…]`` and ``Bearer serviceAccount:EMAIL`` name it directly; a JWT names it
    by its ``email`` claim; anything else is the ``default`` caller.
    """
    scheme, _, token = authorization.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        return Caller(default)
    members = [_MEMBER.match(part.strip()) for part in token.split(",")]
    if members[0] is not None and members[0][1] != "group":
        groups = tuple(m[2] for m in members[1:] if m is not None and m[1] == "group")
        return Caller(members[0][2], groups)
    return Caller(_jwt_email(token) or default)


def _jwt_email(token: str) -> str | None:
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None
    email = claims.get("email") if isinstance(claims, dict) else None
    return email if isinstance(email, str) and _MEMBER.match(f"user:{email}") else None
