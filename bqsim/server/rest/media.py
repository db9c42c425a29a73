"""Paths of media uploads: multipart or resumable, and of which method."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from bqsim.errors import BigQueryError, invalid

from .answering import Answering
from .methods import Match
from .reply import Reply
from .resumable import Sessions

if TYPE_CHECKING:
    from bqsim.server.http import Request as HttpRequest
    from bqsim.server.http import Response

PREFIXES = ("/upload/bigquery/v2/", "/resumable/upload/bigquery/v2/", "/upload/", "/resumable/upload/")
# Paths of the other API with uploads.
STORAGE = ("/upload/storage/", "/resumable/upload/storage/", "/upload/b/", "/resumable/upload/b/")


class MediaUploads(ABC):
    """The service behind ``/upload`` and ``/resumable/upload``; ``sessions`` are its resumable uploads."""

    sessions: Sessions

    def __init__(self, answering: Answering) -> None:
        self._answering = answering

    async def handle(self, path: str, query: dict[str, str], http: HttpRequest) -> Response:
        """Answer a request below the upload prefixes."""
        if path.startswith(STORAGE):
            return await self._answering.service("storage")(path, query, http)
        reply = await self._route(path, query, http)
        return await self._answering.answer(reply, query, http)

    async def _route(self, path: str, query: dict[str, str], http: HttpRequest) -> Reply:
        prefix = next((p for p in PREFIXES if path.startswith(p)), None)
        if prefix is None:
            raise BigQueryError("notFound", "Not Found")
        verb = http.head.method
        if "upload_id" in query and verb in ("PUT", "POST", "DELETE"):
            return await self.sessions.proceed(query["upload_id"], http)
        match = self._answering.route(verb, path[len(prefix) :])
        if not match.method.media:
            raise BigQueryError("notFound", "Not Found")
        kind = query.get("uploadType") or query.get("upload_protocol")
        if kind is None:
            kind = "resumable" if prefix.startswith("/resumable") else "multipart"
        if kind == "multipart":
            return await self.multipart(match, query, http)
        if kind == "resumable":
            return await self.begin(match, query, http, path)
        raise invalid(f"Upload type {kind[:40]} is not supported for this method.", "uploadType")

    @abstractmethod
    async def multipart(self, match: Match, query: dict[str, str], http: HttpRequest) -> Reply:
        """The call whose metadata and content come in one request."""

    @abstractmethod
    async def begin(self, match: Match, query: dict[str, str], http: HttpRequest, path: str) -> Reply:
        """Begin a session; its content comes in further requests."""


def begun(url: str, upload_id: str) -> Reply:
    """The answer to who began a session at ``url``: where its content goes."""
    location = f"{url}?uploadType=resumable&upload_id={upload_id}"
    return Reply(None, 200, headers={"Location": location, "X-GUploader-UploadID": upload_id})
