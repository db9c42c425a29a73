"""Page tokens of a replay: opaque to clients, they carry a position in what they page through."""

from __future__ import annotations

import base64
import binascii
import zlib

from bqsim.errors import BigQueryError


def encode(subject: str, position: int) -> str:
    """The token of ``position`` in the pages of ``subject`` (a job, a table, a list)."""
    check = zlib.crc32(f"replay/{subject}/{position}".encode())
    return base64.urlsafe_b64encode(f"{position}.{check:x}".encode()).rstrip(b"=").decode()


def decode(subject: str, token: str) -> int:
    """The position in a token of ``subject``; any other text is 400 ``invalid``."""
    position = -1
    try:
        text = base64.urlsafe_b64decode(token.encode() + b"=" * (-len(token) % 4)).decode("ascii")
        position = int(text.partition(".")[0])
    except (binascii.Error, ValueError):
        pass
    if position < 0 or encode(subject, position) != token:
        raise refused(token)
    return position


def refused(token: str) -> BigQueryError:
    """What a client is told of a token that nobody gave."""
    return BigQueryError("invalid", f"Invalid page token: {token[:200]}", location="pageToken")
