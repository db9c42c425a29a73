"""google-auth's way to its token servers, over httpx."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl

_TIMEOUT_S = 120.0


class AuthRequest:
    """What google-auth calls ``Request``: one HTTP request, made where it is called, without retries.

    ``ca_file``: authorities that are trusted beside the system's.
    """

    def __init__(self, ca_file: str | os.PathLike[str] | None = None) -> None:
        self._ca_file = ca_file

    def _trusted(self) -> ssl.SSLContext | bool:
        if self._ca_file is None:
            return True
        import ssl

        context = ssl.create_default_context()
        context.load_verify_locations(self._ca_file)
        return context

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = _TIMEOUT_S,
        **more: Any,
    ) -> Any:
        """Send it. Raises google.auth.exceptions.TransportError when there is no answer."""
        import httpx
        from google.auth import exceptions

        try:
            response = httpx.request(
                method,
                url,
                content=body,
                headers=dict(headers or {}),
                timeout=timeout,
                verify=self._trusted(),
            )
        except httpx.HTTPError as error:
            raise exceptions.TransportError(str(error)) from error
        return _Answer(response.status_code, response.headers, response.content)


class LoadingRequest(AuthRequest):
    """For the loading of credentials, which asks for a project that nobody needs: that is not asked."""

    def __call__(self, url: str, *args: Any, **options: Any) -> Any:
        """Send it, unless it is about projects."""
        if url.startswith("https://cloudresourcemanager."):
            return _Answer(404, {}, b"{}")
        return super().__call__(url, *args, **options)


class _Answer:
    """What google-auth reads of an answer."""

    def __init__(self, status: int, headers: Mapping[str, str], data: bytes) -> None:
        self.status, self.headers, self.data = status, headers, data
