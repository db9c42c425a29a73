"""Tokens for requests: made once for many calls at a time, renewed before they end."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from bqclient.errors import CredentialsError
from bqclient.runtime import Deadline, Runtime
from bqclient.secret import Secret


class Tokens(Protocol):
    """What gives requests their ``authorization``."""

    async def headers(self, deadline: Deadline) -> Mapping[str, str]:
        """The headers of a request, in lower case. Raises CredentialsError."""
        ...

    async def renew(self) -> bool:
        """After a 401: get another token. False where there is none to get."""
        ...


class NoTokens:
    """For a service on this machine that asks for none."""

    async def headers(self, deadline: Deadline) -> Mapping[str, str]:
        """None."""
        return {}

    async def renew(self) -> bool:
        """There is nothing to renew."""
        return False


class FixedToken:
    """One token, as it is."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    async def headers(self, deadline: Deadline) -> Mapping[str, str]:
        """The token as a bearer's."""
        return {"authorization": f"Bearer {self._token.reveal()}"}

    async def renew(self) -> bool:
        """There is no other."""
        return False


class GoogleTokens:
    """Tokens of a google-auth credentials object.

    google-auth blocks while it asks for a token, so that happens in a thread, once however many calls wait;
    ``load`` gives the credentials, there, when the first token is needed.
    A token is renewed ``early_s`` seconds before it ends.
    """

    def __init__(
        self,
        load: Callable[[], Any],
        runtime: Runtime,
        quota_project: str | None = None,
        early_s: float = 225.0,
        ca_file: str | os.PathLike[str] | None = None,
    ) -> None:
        self._ca_file = ca_file
        self._load, self._runtime = load, runtime
        self._credentials: Any = None
        self._quota = {"x-goog-user-project": quota_project} if quota_project else {}
        self._early_s = early_s
        self._lock = asyncio.Lock()
        self._renewed = 0
        self._headers: Mapping[str, str] | None = None
        self._until: float | None = None

    async def headers(self, deadline: Deadline) -> Mapping[str, str]:
        """The headers with a token that holds for a while yet. Raises CredentialsError."""
        if self._headers is None or self._ending():
            await self._renew(self._renewed)
        assert self._headers is not None
        return self._headers

    async def renew(self) -> bool:
        """Get another token, unless that has just happened for another call."""
        await self._renew(self._renewed)
        return True

    def _ending(self) -> bool:
        return self._until is not None and self._runtime.monotonic() >= self._until

    async def _renew(self, seen: int) -> None:
        async with self._lock:
            if self._renewed != seen:
                return
            try:
                await asyncio.to_thread(self._refresh)
            except CredentialsError:
                raise
            except Exception as error:
                # Of google-auth and of whatever credentials a user brings; texts may hold parts of answers.
                raise CredentialsError(
                    f"No token could be had from {_named(self._credentials)}: {type(error).__name__}.",
                    retryable=bool(getattr(error, "retryable", False)),
                ) from error
            self._renewed += 1
            expiry = self._credentials.expiry
            if expiry is not None:
                left = (expiry - self._runtime.now().replace(tzinfo=None)).total_seconds()
                self._until = self._runtime.monotonic() + max(1.0, left - self._early_s)
            else:
                self._until = None
            self._headers = {"authorization": f"Bearer {self._credentials.token}", **self._quota}

    def _refresh(self) -> None:
        from .requests import AuthRequest

        if self._credentials is None:
            self._credentials = self._load()
            if self._credentials.valid:
                # Brought along by the caller, or had while they were loaded.
                return
        self._credentials.refresh(AuthRequest(self._ca_file))


def _named(credentials: Any) -> str:
    """The class of credentials: ``oauth2.service_account.Credentials`` of google-auth's."""
    kind = type(credentials)
    return f"{kind.__module__.removeprefix('google.')}.{kind.__name__}"
