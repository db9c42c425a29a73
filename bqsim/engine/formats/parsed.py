"""What reading a file gives."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bqsim.errors import invalid
from bqsim.types import Field

if TYPE_CHECKING:
    import pyarrow as pa

READING = "Error while reading data, error message: "


@dataclass(slots=True)
class Parsed:
    """Canonical rows by position of ``fields``, and one message for each record that was left out."""

    fields: tuple[Field, ...]
    rows: pa.Table
    bad: list[str] = field(default_factory=list)


def unpacked(data: bytes) -> bytes:
    """``data`` without gzip, which is recognised by its first bytes."""
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as exc:
        raise invalid(f"{READING}Failed to decompress the gzip data.") from exc
