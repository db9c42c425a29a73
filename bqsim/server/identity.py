"""Who calls: the auth modes, of which ``open`` reads the bearer token and never verifies it."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

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
