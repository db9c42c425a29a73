"""Buckets and objects in a folder: ``<folder>/<bucket>/<name>``, with what is known of them beside it.

Files that are put there by hand are objects too. A write is seen when it is complete, and then at once.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, BinaryIO

from bqsim.errors import already_exists, invalid, not_found
from bqsim.sim.clock import Clock

from . import checksums, scratch
from .archive import Archive
from .deleted import SoftDeleted
from .files import read_json, write_json
from .model import Bucket, Check, ObjectInfo, at_generation
from .notes import Notes
from .paths import TWIN, file_of, name_of, new_file, parts_of
from .uris import Uri, check_object_name, is_bucket_name, parse_uri
from .writer import ObjectWriter

# What the store keeps beside the buckets: attributes of objects and buckets, noncurrent versions, and writes
# under way.
OWN = ".bqsim"
_BUCKET_FILE = "%bucket"


class ObjectStore:
    """Objects by bucket and name. Thread-safe.

    ``folder`` None is a temporary folder, which :meth:`close` deletes. It is made when it is first needed.
    ``requires_buckets``: extracts and exports make none.
    """

    # Where the objects are, when another server keeps them.
    url = ""

    def __init__(self, clock: Clock, folder: Path | None = None, *, requires_buckets: bool = False) -> None:
        self._clock = clock
        self.requires_buckets = requires_buckets
        self._given = folder
        self._folder: Path | None = None
        self._lock = threading.RLock()
        self._last_generation = 0
        self.notes = Notes(self._lock, lambda: self.folder / OWN)
        self.soft_deleted = SoftDeleted(clock, self._lock, lambda bucket: self.folder / OWN / bucket)

    @property
    def folder(self) -> Path:
        """The folder of the buckets."""
        with self._lock:
            if self._folder is None:
                self._folder = self._given or Path(tempfile.mkdtemp(prefix="bqsim-objects-"))
                writing = self._folder / OWN / "writing"
                writing.mkdir(parents=True, exist_ok=True)
                scratch.sweep(writing)
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
        known = read_json(self.folder / OWN / name / _BUCKET_FILE)
        if known is None:
            return Bucket(name, folder.stat().st_mtime_ns // 1000)
        return Bucket(name, **known)

    def create_bucket(
        self, name: str, attributes: Mapping[str, Any] | None = None, *, new: bool = False
    ) -> Bucket:
        """Make a bucket, or give the one that is there other attributes.

        Raises ``duplicate`` when it is to be ``new`` and is there.
        """
        if not is_bucket_name(name):
            raise invalid(f"Invalid bucket name: '{name}'")
        with self._lock:
            before = self.find_bucket(name)
            if before is not None and new:
                raise already_exists("Bucket", name)
            if before is not None and attributes is None:
                return before
            now_us = self._clock.now_us()
            if before is None:
                bucket = Bucket(name, now_us, dict(attributes or {}), 1, now_us)
            else:
                metageneration = before.metageneration + 1
                bucket = Bucket(name, before.created_us, dict(attributes or {}), metageneration, now_us)
            (self.folder / name).mkdir(exist_ok=True)
            known = asdict(bucket)
            del known["name"]
            write_json(self.folder / OWN / name / _BUCKET_FILE, known)
            return bucket

    def delete_bucket(self, name: str) -> None:
        """Delete a bucket with all its objects. Raises ``notFound``."""
        with self._lock:
            if self.find_bucket(name) is None:
                raise not_found("Bucket", name)
            shutil.rmtree(self.folder / name)
            shutil.rmtree(self.folder / OWN / name, ignore_errors=True)

    # Objects

    def find(self, bucket: str, name: str, generation: int | None = None) -> ObjectInfo | None:
        """The object of that name, with ``generation`` that version of it; None without one."""
        with self._lock:
            path = self._file(bucket, name)
            found = None if path is None else self._info(bucket, name, path)
            if generation is None or (found is not None and found.generation == generation):
                return found
            return self._archive(bucket).find(name, generation)

    def get(self, uri: str) -> ObjectInfo:
        """The object of a URI. Raises ``notFound``."""
        parts = parse_uri(uri)
        found = self.find(parts.bucket, parts.name)
        if found is None:
            raise not_found("URI", uri)
        return found

    def names(self, bucket: str, prefix: str = "") -> list[str]:
        """The names of the objects of a bucket that begin with ``prefix``, in order."""
        folder = self.folder / bucket
        if self.find_bucket(bucket) is None:
            return []
        names = []
        for at, _, files in os.walk(self._walked(folder, prefix)):
            below = Path(at).relative_to(folder)
            for file in files:
                name = name_of(below / file)
                if name.startswith(prefix):
                    names.append(name)
        return sorted(names)

    def _walked(self, folder: Path, prefix: str) -> Path:
        """The folder in which all names that begin with ``prefix`` are."""
        above = prefix.rpartition("/")[0]
        if not above:
            return folder
        parts = parts_of(above)
        # The last part may go on in further folders.
        return folder.joinpath(*parts) if len(parts) == above.count("/") + 1 else folder

    def objects(self, bucket: str, prefix: str = "") -> Iterator[ObjectInfo]:
        """The objects of a bucket whose names begin with ``prefix``, by name."""
        for name in self.names(bucket, prefix):
            found = self.find(bucket, name)
            if found is not None:
                yield found

    def noncurrent(self, bucket: str, prefix: str = "") -> list[ObjectInfo]:
        """The versions that have been overwritten or deleted where the bucket keeps them."""
        with self._lock:
            return [v for v in self._archive(bucket).versions() if v.name.startswith(prefix)]

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
                raise not_found("URI", uri)
            return path.open("rb")

    def open_version(
        self, bucket: str, name: str, generation: int | None = None
    ) -> tuple[ObjectInfo, BinaryIO] | None:
        """What :meth:`find` finds, and its content."""
        with self._lock:
            found = self.find(bucket, name, generation)
            if found is None:
                return None
            if found.deleted_us is not None:
                return found, self._archive(bucket).open(found)
            path = self._file(bucket, name)
            assert path is not None
            return found, path.open("rb")

    def read(self, uri: str) -> bytes:
        """The whole content of an object. Raises ``notFound``."""
        with self.open(uri) as stream:
            return stream.read()

    def create(
        self,
        uri: str,
        attributes: Mapping[str, Any] | None = None,
        *,
        if_generation: int | None = None,
        check: Check | None = None,
    ) -> ObjectWriter:
        """A stream into a new object, which takes the place of one that has the name. A missing bucket is
        made, or ``notFound`` raised where buckets are required.

        With ``if_generation`` the object must be at that generation (0: not there) when the stream is closed;
        ``check`` is asked then about the object that is there.
        """
        parts = parse_uri(uri)
        if self.requires_buckets and self.find_bucket(parts.bucket) is None:
            raise not_found("URI", uri)
        self.create_bucket(parts.bucket)
        if if_generation is not None:
            check = at_generation(parts, if_generation)
        return ObjectWriter(self, parts, dict(attributes or {}), check)

    def scratch(self) -> Path:
        """A new path on the file system of the store, for content that :meth:`adopt` takes."""
        return scratch.new_path(self.folder / OWN / "writing")

    def adopt(
        self,
        uri: str,
        written: Path,
        attributes: Mapping[str, Any],
        *,
        check: Check | None = None,
        hashes: Mapping[str, str] | None = None,
        components: int = 0,
    ) -> ObjectInfo:
        """Make a file the content of an object; it is moved, or deleted where ``check`` raises."""
        parts = parse_uri(uri)
        with self._lock:
            before = self.find(parts.bucket, parts.name)
            if check is not None:
                try:
                    check(before)
                except Exception:
                    written.unlink(missing_ok=True)
                    raise
            now_us = self._clock.now_us()
            generation = max(now_us, self._last_generation + 1, before.generation + 1 if before else 0)
            self._last_generation = generation
            # The folder may have been deleted by hand since.
            (self.folder / parts.bucket).mkdir(exist_ok=True)
            self._retire(before, now_us)
            path = new_file(self.folder / parts.bucket, parts.name)
            size = written.stat().st_size
            written.replace(path)
            info = ObjectInfo(
                parts.bucket, parts.name, size, generation, 1, now_us, now_us,
                dict(attributes), dict(hashes or {}), components,
            )  # fmt: skip
            self._remember(parts, path, asdict(info))
            return info

    def _retire(self, before: ObjectInfo | None, now_us: int) -> None:
        """Keep the object that is about to go, where its bucket keeps versions."""
        if before is None:
            return
        bucket = self.find_bucket(before.bucket)
        path = self._file(before.bucket, before.name)
        if bucket is not None and bucket.keeps_versions and path is not None:
            self._archive(before.bucket).add(replace(before, deleted_us=now_us), path)
        elif path is not None:
            self.soft_deleted.keep(bucket, before, path)

    def put(self, uri: str, data: bytes | str, attributes: Mapping[str, Any] | None = None) -> ObjectInfo:
        """Write an object at once; a missing bucket is made, so that tests and seeds need not."""
        self.create_bucket(parse_uri(uri).bucket)
        with self.create(uri, attributes) as writer:
            writer.write(data.encode() if isinstance(data, str) else data)
        assert writer.info is not None
        return writer.info

    def update(self, uri: str, attributes: Mapping[str, Any], *, check: Check | None = None) -> ObjectInfo:
        """Give an object other attributes. Raises ``notFound``."""
        parts = parse_uri(uri)
        with self._lock:
            before = self.get(uri)
            if check is not None:
                check(before)
            path = self._file(parts.bucket, parts.name)
            assert path is not None
            known = asdict(before) | {
                "attributes": dict(attributes),
                "metageneration": before.metageneration + 1,
                "updated_us": self._clock.now_us(),
            }
            self._remember(parts, path, known)
            return self._info(parts.bucket, parts.name, path)

    def delete(self, uri: str, *, check: Check | None = None, generation: int | None = None) -> None:
        """Delete an object, with ``generation`` that version of it for good. Raises ``notFound``."""
        parts = parse_uri(uri)
        with self._lock:
            found = self.find(parts.bucket, parts.name, generation)
            if check is not None:
                check(found)
            if found is None:
                raise not_found("URI", uri)
            bucket, archive = self.find_bucket(parts.bucket), self._archive(parts.bucket)
            if found.deleted_us is not None:
                self.soft_deleted.keep(bucket, found, archive.path(found))
                archive.delete(found)
                return
            path = self._file(parts.bucket, parts.name)
            assert path is not None
            if generation is None:
                self._retire(found, self._clock.now_us())
            else:
                self.soft_deleted.keep(bucket, found, path)
            path.unlink(missing_ok=True)
            self._beside(parts.bucket, parts.name).unlink(missing_ok=True)
            self._prune(path.parent, self.folder / parts.bucket)

    def hashes(self, info: ObjectInfo) -> Mapping[str, str]:
        """``md5`` and ``crc32c`` of an object in base64; they are found once and kept."""
        if "md5" in info.hashes and "crc32c" in info.hashes:
            return info.hashes
        opened = self.open_version(info.bucket, info.name, info.generation)
        if opened is None:
            return info.hashes
        with opened[1] as stream:
            found = checksums.Sums().of(stream).hashes()
        with self._lock:
            now = self.find(info.bucket, info.name)
            path = self._file(info.bucket, info.name)
            if now is not None and path is not None and now.generation == info.generation:
                self._remember(Uri(info.bucket, info.name), path, asdict(now) | {"hashes": found})
        return found

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

    def _archive(self, bucket: str) -> Archive:
        return Archive(self.folder / OWN / bucket)

    def _info(self, bucket: str, name: str, path: Path) -> ObjectInfo:
        stat = path.stat()
        known = read_json(self._beside(bucket, name))
        if known is None or known.pop("stamp") != [stat.st_size, stat.st_mtime_ns]:
            # Put there by hand, or changed by hand since.
            at_us = stat.st_mtime_ns // 1000
            return ObjectInfo(bucket, name, stat.st_size, at_us, 1, at_us, at_us)
        return ObjectInfo(**known)

    def _remember(self, uri: Uri, path: Path, known: dict[str, Any]) -> None:
        stat = path.stat()
        write_json(self._beside(uri.bucket, uri.name), known | {"stamp": [stat.st_size, stat.st_mtime_ns]})

    def _prune(self, folder: Path, top: Path) -> None:
        """Take away folders that are empty now, up to ``top``."""
        with suppress(OSError):
            while folder != top:
                folder.rmdir()
                folder = folder.parent
