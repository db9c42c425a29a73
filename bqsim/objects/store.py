"""Buckets and objects in a folder: ``<folder>/<bucket>/<name>``, with what is known of them beside it.

Files that are put there by hand are objects too. A write is seen when it is complete, and then at once.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from bqsim.errors import BigQueryError, invalid, not_found
from bqsim.sim.clock import Clock

from . import checksums
from .paths import TWIN, file_of, name_of, new_file, parts_of
from .uris import Uri, check_object_name, is_bucket_name, parse_uri

# What the store keeps beside the buckets: attributes of objects and buckets, and writes under way.
OWN = ".bqsim"
_BUCKET_FILE = "%bucket"


class PreconditionFailed(Exception):
    """An object is not at the generation that a write asks for."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket. ``attributes`` is what the API accepts and returns as is."""

    name: str
    created_us: int
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """An object without its content. Times are epoch microseconds; ``attributes`` is what the API accepts
    and returns as is (``contentType``, ``metadata`` …).

    ``generation`` grows with each write of the object, ``metageneration`` with each change of attributes.
    """

    bucket: str
    name: str
    size: int
    generation: int
    metageneration: int
    created_us: int
    updated_us: int
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def uri(self) -> str:
        return str(Uri(self.bucket, self.name))


class ObjectWriter:
    """A stream into a new object, which is there once it is closed; :meth:`discard` gives it up.

    In a ``with`` block an exception discards it.
    """

    def __init__(self, store: ObjectStore, uri: Uri, path: Path, attributes: Mapping[str, Any]) -> None:
        self._store = store
        self._uri = uri
        self._path = path
        self._attributes = attributes
        self.file = path.open("wb")
        self.if_generation: int | None = None
        self.info: ObjectInfo | None = None

    def write(self, data: bytes | memoryview) -> int:
        return self.file.write(data)

    def close(self) -> ObjectInfo:
        """Make the object. Raises :class:`PreconditionFailed` when another one came between."""
        if self.info is None:
            self.file.close()
            self.info = self._store._finish(self._uri, self._path, self._attributes, self.if_generation)
        return self.info

    def discard(self) -> None:
        """Give up what was written."""
        self.file.close()
        self._path.unlink(missing_ok=True)

    def __enter__(self) -> ObjectWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()


class ObjectStore:
    """Objects by bucket and name. Thread-safe.

    ``folder`` None is a temporary folder, which :meth:`close` deletes. It is made when it is first needed.
    """

    def __init__(self, clock: Clock, folder: Path | None = None) -> None:
        self._clock = clock
        self._given = folder
        self._folder: Path | None = None
        self._lock = threading.RLock()
        self._numbers = count(1)
        self._last_generation = 0

    @property
    def folder(self) -> Path:
        """The folder of the buckets."""
        with self._lock:
            if self._folder is None:
                self._folder = self._given or Path(tempfile.mkdtemp(prefix="bqsim-objects-"))
                (self._folder / OWN / "writing").mkdir(parents=True, exist_ok=True)
            return self._folder

    def close(self) -> None:
        """Delete a temporary folder."""
        with self._lock:
            folder, self._folder = self._folder, None
        if folder is not None and self._given is None:
            shutil.rmtree(folder, ignore_errors=True)

    # Buckets

    def buckets(self) -> list[Bucket]:
        """All buckets by name."""
        names = sorted(p.name for p in self.folder.iterdir() if p.is_dir() and p.name != OWN)
        return [b for b in map(self.find_bucket, names) if b is not None]

    def find_bucket(self, name: str) -> Bucket | None:
        folder = self.folder / name
        if not is_bucket_name(name) or not folder.is_dir():
            return None
        known = _read(self.folder / OWN / name / _BUCKET_FILE)
        if known is None:
            return Bucket(name, folder.stat().st_mtime_ns // 1000)
        return Bucket(name, known["created_us"], known["attributes"])

    def create_bucket(self, name: str, attributes: Mapping[str, Any] | None = None) -> Bucket:
        """Make a bucket, or give the one that is there other attributes."""
        if not is_bucket_name(name):
            raise invalid(f"Invalid bucket name: '{name}'")
        with self._lock:
            before = self.find_bucket(name)
            if before is not None and attributes is None:
                return before
            bucket = Bucket(
                name, before.created_us if before else self._clock.now_us(), dict(attributes or {})
            )
            (self.folder / name).mkdir(exist_ok=True)
            known = {"created_us": bucket.created_us, "attributes": bucket.attributes}
            _write(self.folder / OWN / name / _BUCKET_FILE, known)
            return bucket

    def delete_bucket(self, name: str) -> None:
        """Delete a bucket with all its objects. Raises ``notFound``."""
        with self._lock:
            if self.find_bucket(name) is None:
                raise not_found("Bucket", name)
            shutil.rmtree(self.folder / name)
            shutil.rmtree(self.folder / OWN / name, ignore_errors=True)

    # Objects

    def find(self, bucket: str, name: str) -> ObjectInfo | None:
        """The object of that name; None without one."""
        with self._lock:
            path = self._file(bucket, name)
            return None if path is None else self._info(bucket, name, path)

    def get(self, uri: str) -> ObjectInfo:
        """The object of a URI. Raises ``notFound``."""
        parts = parse_uri(uri)
        found = self.find(parts.bucket, parts.name)
        if found is None:
            raise _missing(uri)
        return found

    def objects(self, bucket: str, prefix: str = "") -> Iterator[ObjectInfo]:
        """The objects of a bucket whose names begin with ``prefix``, by name."""
        folder = self.folder / bucket
        if self.find_bucket(bucket) is None:
            return
        names = []
        for at, _, files in os.walk(folder):
            for file in files:
                name = name_of((Path(at) / file).relative_to(folder))
                if name.startswith(prefix):
                    names.append(name)
        for name in sorted(names):
            found = self.find(bucket, name)
            if found is not None:
                yield found

    def glob(self, uri: str) -> list[ObjectInfo]:
        """The objects that a URI stands for: that of its name, or with ``*`` all that match, by name."""
        parts = parse_uri(uri)
        if not parts.wildcards:
            found = self.find(parts.bucket, parts.name)
            return [] if found is None else [found]
        return [o for o in self.objects(parts.bucket, parts.prefix) if parts.matches(o.name)]

    def open(self, uri: str) -> BinaryIO:
        """The content of an object as a stream. Raises ``notFound``."""
        parts = parse_uri(uri)
        with self._lock:
            path = self._file(parts.bucket, parts.name)
            if path is None:
                raise _missing(uri)
            return path.open("rb")

    def read(self, uri: str) -> bytes:
        """The whole content of an object. Raises ``notFound``."""
        with self.open(uri) as stream:
            return stream.read()

    def create(
        self, uri: str, attributes: Mapping[str, Any] | None = None, *, if_generation: int | None = None
    ) -> ObjectWriter:
        """A stream into a new object, which takes the place of one that has the name; a missing bucket is
        made.

        With ``if_generation`` the object must be at that generation (0: not there) when the stream is closed.
        """
        parts = parse_uri(uri)
        self.create_bucket(parts.bucket)
        path = self.folder / OWN / "writing" / f"{os.getpid()}-{next(self._numbers)}"
        writer = ObjectWriter(self, parts, path, dict(attributes or {}))
        writer.if_generation = if_generation
        return writer

    def put(self, uri: str, data: bytes | str, attributes: Mapping[str, Any] | None = None) -> ObjectInfo:
        """Write an object at once."""
        with self.create(uri, attributes) as writer:
            writer.write(data.encode() if isinstance(data, str) else data)
        assert writer.info is not None
        return writer.info

    def update(self, uri: str, attributes: Mapping[str, Any]) -> ObjectInfo:
        """Give an object other attributes. Raises ``notFound``."""
        parts = parse_uri(uri)
        with self._lock:
            before = self.get(uri)
            path = self._file(parts.bucket, parts.name)
            assert path is not None
            known = asdict(before) | {
                "attributes": dict(attributes),
                "metageneration": before.metageneration + 1,
                "updated_us": self._clock.now_us(),
            }
            self._remember(parts, path, known)
            return self._info(parts.bucket, parts.name, path)

    def delete(self, uri: str) -> None:
        """Delete an object. Raises ``notFound``."""
        parts = parse_uri(uri)
        with self._lock:
            path = self._file(parts.bucket, parts.name)
            if path is None:
                raise _missing(uri)
            path.unlink()
            self._beside(parts.bucket, parts.name).unlink(missing_ok=True)
            self._prune(path.parent, self.folder / parts.bucket)

    def md5(self, uri: str) -> str:
        """The MD5 of an object in base64; computed when it is asked for."""
        with self.open(uri) as stream:
            return checksums.md5(stream)

    def crc32c(self, uri: str) -> str:
        """The CRC32C of an object in base64 of its big-endian bytes; computed when it is asked for."""
        with self.open(uri) as stream:
            return checksums.crc32c(stream)

    # Inside

    def _file(self, bucket: str, name: str) -> Path | None:
        if not is_bucket_name(bucket):
            return None
        check_object_name(name)
        return file_of(self.folder / bucket, name)

    def _beside(self, bucket: str, name: str) -> Path:
        parts = parts_of(name)
        return self.folder.joinpath(OWN, bucket, *(f"{p}{TWIN}" for p in parts[:-1]), f"{parts[-1]}.json")

    def _info(self, bucket: str, name: str, path: Path) -> ObjectInfo:
        stat = path.stat()
        known = _read(self._beside(bucket, name))
        if known is None or known.pop("stamp") != [stat.st_size, stat.st_mtime_ns]:
            # Put there by hand, or changed by hand since.
            at_us = stat.st_mtime_ns // 1000
            return ObjectInfo(bucket, name, stat.st_size, at_us, 1, at_us, at_us)
        return ObjectInfo(**known)

    def _remember(self, uri: Uri, path: Path, known: dict[str, Any]) -> None:
        stat = path.stat()
        _write(self._beside(uri.bucket, uri.name), known | {"stamp": [stat.st_size, stat.st_mtime_ns]})

    def _finish(
        self, uri: Uri, written: Path, attributes: Mapping[str, Any], if_generation: int | None
    ) -> ObjectInfo:
        with self._lock:
            before = self.find(uri.bucket, uri.name)
            if if_generation is not None and if_generation != (before.generation if before else 0):
                written.unlink(missing_ok=True)
                raise PreconditionFailed(str(uri))
            now_us = self._clock.now_us()
            generation = max(now_us, self._last_generation + 1, before.generation + 1 if before else 0)
            self._last_generation = generation
            # The folder may have been deleted by hand since.
            (self.folder / uri.bucket).mkdir(exist_ok=True)
            path = new_file(self.folder / uri.bucket, uri.name)
            size = written.stat().st_size
            written.replace(path)
            info = ObjectInfo(uri.bucket, uri.name, size, generation, 1, now_us, now_us, dict(attributes))
            self._remember(uri, path, asdict(info))
            return info

    def _prune(self, folder: Path, top: Path) -> None:
        """Take away folders that are empty now, up to ``top``."""
        with suppress(OSError):
            while folder != top:
                folder.rmdir()
                folder = folder.parent


def _missing(uri: str) -> BigQueryError:
    return not_found("URI", uri)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found


def _write(path: Path, value: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + TWIN)
    beside.write_text(json.dumps(value), encoding="utf-8")
    beside.replace(path)
