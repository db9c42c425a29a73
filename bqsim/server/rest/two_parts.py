"""Multipart uploads: metadata, then media, which are read when the call is let through."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING

from bqsim.errors import BigQueryError, invalid

from .multipart import Part, boundary_of, read_parts
from .request import MAX_BODY_BYTES

if TYPE_CHECKING:
    from bqsim.server.http import Request as HttpRequest


class TwoParts:
    """The parts of a ``multipart/related`` request; ``write`` gets the media.

    In an ``async with`` block: :meth:`metadata` first, then :meth:`media`.
    """

    def __init__(self, http: HttpRequest, write: Callable[[bytes], object]) -> None:
        self._http = http
        self._write = write
        self._boundary = boundary_of(http.head.headers.get("content-type", ""), "related")
        self._metadata = bytearray()
        self._parts = 0
        self._begun, self._admitted = asyncio.Event(), asyncio.Event()
        self._reading: asyncio.Task[None] | None = None
        self.media_headers: Mapping[str, str] = {}

    async def __aenter__(self) -> TwoParts:
        self._reading = asyncio.create_task(read_parts(self._pieces(), self._boundary, self._on_part))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def metadata(self) -> bytes:
        """The first part. Raises ``invalid`` for a body without two."""
        assert self._reading is not None
        begun = asyncio.create_task(self._begun.wait())
        try:
            await asyncio.wait((self._reading, begun), return_when=asyncio.FIRST_COMPLETED)
        finally:
            begun.cancel()
        if not self._begun.is_set():
            await self._reading
            raise invalid("A multipart upload has two parts: metadata and media.")
        return bytes(self._metadata)

    async def media(self) -> None:
        """Read the media. Raises ``invalid`` where the body is malformed."""
        assert self._reading is not None
        self._admitted.set()
        await self._reading

    def _on_part(self, part: Part) -> None:
        self._parts += 1
        if self._parts > 2:
            raise invalid("A multipart upload has two parts: metadata and media.")
        part.write = self._write if self._parts == 2 else self._add_metadata
        if self._parts == 2:
            self.media_headers = part.headers
            self._begun.set()

    def _add_metadata(self, piece: bytes) -> None:
        self._metadata.extend(piece)
        if len(self._metadata) > MAX_BODY_BYTES:
            raise BigQueryError("requestTooLarge", "The metadata of the upload is too large.")

    async def _pieces(self) -> AsyncIterator[bytes]:
        async for piece in self._http.pieces():
            yield piece
            if self._begun.is_set():
                # The gate is asked before the rest is read.
                await self._admitted.wait()
