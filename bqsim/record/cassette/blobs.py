"""Content-addressed bytes, compressed: a blob's name is the SHA-256 of what it holds."""

from __future__ import annotations

import hashlib
import re
import threading
from pathlib import Path

from .errors import CassetteError

SUFFIX = ".zst"
_DIGEST = re.compile(r"[0-9a-f]{64}")
# So few bytes a blob takes in front: how many it holds, which the codec wants to know.
_SIZE_BYTES = 8
_LEVEL = 9
# A size beyond both is none: a damaged blob asks for no more memory than a whole one could.
_LARGEST, _DENSEST = 64 << 20, 20_000


class Blobs:
    """The blobs in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, digest: str) -> Path:
        """Where a blob is. ValueError for what is no digest."""
        if not _DIGEST.fullmatch(digest):
            raise ValueError(f"{digest[:80]!r} is not a SHA-256 in hex")
        return self.folder / digest[:2] / (digest + SUFFIX)

    def put(self, data: bytes) -> str:
        """Keep ``data``; its digest. The same bytes are kept once."""
        import pyarrow as pa

        digest = hashlib.sha256(data).hexdigest()
        path = self.path(digest)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            packed = pa.Codec("zstd", compression_level=_LEVEL).compress(data, asbytes=True)
            # A name of its own until it is whole: who is killed meanwhile leaves no half blob.
            part = path.with_suffix(f".{threading.get_ident()}.part")
            part.write_bytes(len(data).to_bytes(_SIZE_BYTES, "little") + packed)
            part.replace(path)
        return digest

    def get(self, digest: str) -> bytes:
        """The bytes of a blob. :class:`CassetteError` when it is missing, cut or not what its name says."""
        import pyarrow as pa

        try:
            path = self.path(digest)
        except ValueError as error:
            raise CassetteError(
                self.folder, f"a blob is asked for, but {error}", "Restore the file"
            ) from None
        try:
            kept = path.read_bytes()
        except FileNotFoundError:
            raise CassetteError(path, "the blob is missing", "Restore it, or record anew") from None
        size = int.from_bytes(kept[:_SIZE_BYTES], "little")
        try:
            if len(kept) < _SIZE_BYTES or size > max(_LARGEST, len(kept) * _DENSEST):
                raise ValueError("no size")
            data: bytes = pa.Codec("zstd").decompress(kept[_SIZE_BYTES:], size, asbytes=True)
        except (OSError, ValueError, OverflowError, MemoryError):
            raise CassetteError(
                path, "the blob is cut short or damaged", "Restore it, or record anew"
            ) from None
        if hashlib.sha256(data).hexdigest() != digest:
            raise CassetteError(path, "the blob is not what its name says", "Restore it, or record anew")
        return data
