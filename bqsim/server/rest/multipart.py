"""The parts of a multipart body, read as it arrives."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from bqsim.errors import BigQueryError, invalid

MAX_HEADER_BYTES = 16 * 1024
MAX_PARTS = 1100

_PARAMETER = re.compile(r';\s*([\w-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)')


def boundary_of(content_type: str, kind: str) -> bytes:
    """The boundary of a ``multipart/related`` (``kind``) content type, quoted or not; 400 without one."""
    media, semicolon, parameters = content_type.partition(";")
    if media.strip().lower() == f"multipart/{kind}":
        for name, value in _PARAMETER.findall(semicolon + parameters):
            boundary = value.strip().strip('"').encode("latin-1", "replace")
            if name.lower() == "boundary" and 0 < len(boundary) <= 200:
                return bytes(boundary)
    raise invalid(
        f"A multipart/{kind} body with a boundary is required, got {content_type[:100] or 'nothing'}"
    )


@dataclass(slots=True)
class Part:
    """One part: its headers by lower-case name; ``write`` gets its body in pieces."""

    headers: dict[str, str] = field(default_factory=dict)
    write: Callable[[bytes], object] = lambda piece: None


class MultipartReader:
    """Splits a multipart body; ``on_part`` is called as each part begins and sets where its body goes."""

    def __init__(self, boundary: bytes, on_part: Callable[[Part], None]) -> None:
        # The first delimiter may stand at the very start of the body.
        self._buffer = b"\n"
        self._delimiter = b"\n--" + boundary
        self._on_part = on_part
        self._part: Part | None = None
        self._state = "body"
        self._parts = 0
        self.ended = False

    def feed(self, data: bytes) -> None:
        """Take the next piece of the body."""
        self._buffer += data
        while not self.ended and self._step():
            pass

    def _step(self) -> bool:
        if self._state == "body":
            return self._body()
        if self._state == "delimiter":
            return self._after_delimiter()
        return self._headers()

    def _body(self) -> bool:
        at = self._buffer.find(self._delimiter)
        if at < 0:
            # A delimiter may begin in the last bytes; the CR before it is not the part's either.
            safe = len(self._buffer) - len(self._delimiter) - 1
            if safe > 0:
                self._emit(self._buffer[:safe])
                self._buffer = self._buffer[safe:]
            return False
        end = at - 1 if at > 0 and self._buffer[at - 1 : at] == b"\r" else at
        self._emit(self._buffer[:end])
        self._buffer = self._buffer[at + len(self._delimiter) :]
        self._state = "delimiter"
        return True

    def _emit(self, piece: bytes) -> None:
        if self._part is not None and piece:
            self._part.write(piece)

    def _after_delimiter(self) -> bool:
        if len(self._buffer) < 2:
            return False
        if self._buffer[:2] == b"--":
            self.ended = True
            return False
        end = self._buffer.find(b"\n")
        if end < 0:
            if len(self._buffer) > MAX_HEADER_BYTES:
                raise _malformed()
            return False
        self._buffer = self._buffer[end + 1 :]
        self._state = "headers"
        return True

    def _headers(self) -> bool:
        lines: list[bytes] = []
        at = 0
        while True:
            end = self._buffer.find(b"\n", at)
            if end < 0:
                if len(self._buffer) > MAX_HEADER_BYTES:
                    raise _malformed()
                return False
            line = self._buffer[at:end].rstrip(b"\r")
            at = end + 1
            if not line:
                break
            lines.append(line)
        # The newline that ends the headers may begin the delimiter of an empty part.
        self._buffer = b"\n" + self._buffer[at:]
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise invalid(f"A multipart body may have at most {MAX_PARTS} parts.")
        pairs = (line.decode("latin-1").partition(":") for line in lines)
        part = Part({name.strip().lower(): value.strip() for name, _, value in pairs})
        self._on_part(part)
        target = part.write
        first = True

        def write(piece: bytes) -> None:
            nonlocal first
            if first:
                piece, first = piece[1:], False
            if piece:
                target(piece)

        part.write = write
        self._part = part
        self._state = "body"
        return True


async def read_parts(pieces: AsyncIterator[bytes], boundary: bytes, on_part: Callable[[Part], None]) -> None:
    """Read a whole multipart body; 400 when it is cut short or malformed."""
    reader = MultipartReader(boundary, on_part)
    async for piece in pieces:
        reader.feed(piece)
    if not reader.ended:
        raise _malformed()


def _malformed() -> BigQueryError:
    return invalid("Malformed multipart body.")
