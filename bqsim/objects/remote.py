"""The objects of another server: the same store over Cloud Storage's JSON API."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote, urlencode, urlsplit

from bqsim.errors import BigQueryError, not_found
from bqsim.sim.clock import Clock

from .model import Bucket, Check, ObjectInfo, PreconditionFailed
from .store import ObjectStore
from .uris import parse_uri

TIMEOUT_S = 60.0
# What the resource of an object has beside its attributes.
_NOT_ATTRIBUTES = frozenset(
    [
        "kind",
        "id",
        "selfLink",
        "mediaLink",
        "name",
        "bucket",
        "generation",
        "metageneration",
        "size",
        "etag",
        "timeCreated",
        "updated",
        "md5Hash",
        "crc32c",
        "timeStorageClassUpdated",
        "timeFinalized",
        "componentCount",
        "owner",
        "acl",
    ]
)


class _Body(io.RawIOBase):
    """The content of one generation of an object, asked for from where it is read on."""

    def __init__(self, store: RemoteStore, path: str, size: int) -> None:
        self._store = store
        self._path = path
        self._size = size
        self._at = 0
        self._open: tuple[HTTPConnection, HTTPResponse] | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError(f"negative seek position {base + offset}")
        if base + offset != self._at:
            self._hang_up()
            self._at = base + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        if self._at >= self._size:
            return 0
        if self._open is None:
            self._open = self._store.stream(self._path, self._at)
        try:
            count = self._open[1].readinto(buffer)
        except (OSError, HTTPException) as error:
            raise _unreachable(self._store.url, error) from None
        if count == 0 and len(buffer):
            raise _unreachable(self._store.url, ConnectionError("the content ended too early"))
        self._at += count
        return count

    def close(self) -> None:
        self._hang_up()
        super().close()

    def _hang_up(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open[0].close()
            self._open = None


class RemoteStore(ObjectStore):
    """Objects by bucket and name, on the server at ``url``. What is written goes through a local file."""

    def __init__(self, clock: Clock, url: str, project: str) -> None:
        super().__init__(clock)
        self.url = (url if "://" in url else f"http://{url}").rstrip("/")
        self._project = project

    # Calls

    def _send(
        self, verb: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[HTTPConnection, HTTPResponse]:
        parts = urlsplit(self.url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
        try:
            connection.request(verb, f"{parts.path}{path}", body, dict(headers or {}))
            return connection, connection.getresponse()
        except (OSError, HTTPException) as error:
            connection.close()
            raise _unreachable(self.url, error) from None

    def _call(
        self, verb: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any] | None:
        """The resource that a call answers with; None for 404. Raises :class:`PreconditionFailed`."""
        connection, response = self._send(verb, path, body, headers)
        try:
            data = response.read()
        except (OSError, HTTPException) as error:
            raise _unreachable(self.url, error) from None
        finally:
            connection.close()
        if response.status == 404:
            return None
        if response.status == 412:
            raise PreconditionFailed(path)
        if response.status >= 400:
            raise _refused(self.url, response.status, data)
        try:
            found = json.loads(data) if data else {}
        except ValueError:
            raise _refused(self.url, response.status, data) from None
        return found if isinstance(found, dict) else {}

    # Buckets

    def buckets(self) -> list[Bucket]:
        body = self._call("GET", f"/storage/v1/b?{urlencode({'project': self._project})}") or {}
        return [Bucket(item["name"], 0) for item in body.get("items", [])]

    def find_bucket(self, name: str) -> Bucket | None:
        found = self._call("GET", f"/storage/v1/b/{quote(name, safe='')}")
        return None if found is None else Bucket(name, 0, found)

    def create_bucket(
        self, name: str, attributes: Mapping[str, Any] | None = None, *, new: bool = False
    ) -> Bucket:
        found = None if new else self.find_bucket(name)
        if found is None:
            body = json.dumps({**(attributes or {}), "name": name})
            path = f"/storage/v1/b?{urlencode({'project': self._project})}"
            found = Bucket(name, 0, self._call("POST", path, body, _JSON) or {})
        return found

    def delete_bucket(self, name: str) -> None:
        if self._call("DELETE", f"/storage/v1/b/{quote(name, safe='')}") is None:
            raise not_found("Bucket", name)

    # Objects

    def find(self, bucket: str, name: str, generation: int | None = None) -> ObjectInfo | None:
        query = "" if generation is None else f"?generation={generation}"
        found = self._call("GET", f"{_path(bucket, name)}{query}")
        return None if found is None else _info(found)

    def names(self, bucket: str, prefix: str = "") -> list[str]:
        return [info.name for info in self.objects(bucket, prefix)]

    def objects(self, bucket: str, prefix: str = "") -> Iterator[ObjectInfo]:
        query = {"prefix": prefix}
        while True:
            path = f"/storage/v1/b/{quote(bucket, safe='')}/o?{urlencode(query)}"
            body = self._call("GET", path) or {}
            yield from map(_info, body.get("items", []))
            token = body.get("nextPageToken")
            if not token:
                return
            query["pageToken"] = token

    def open(self, uri: str) -> BinaryIO:
        parts = parse_uri(uri)
        found = self.open_version(parts.bucket, parts.name)
        if found is None:
            raise not_found("URI", uri)
        return found[1]

    def open_version(
        self, bucket: str, name: str, generation: int | None = None
    ) -> tuple[ObjectInfo, BinaryIO] | None:
        info = self.find(bucket, name, generation)
        if info is None:
            return None
        path = f"{_path(bucket, name)}?alt=media&generation={info.generation}"
        return info, io.BufferedReader(_Body(self, path, info.size), 1 << 20)

    def stream(self, path: str, start: int) -> tuple[HTTPConnection, HTTPResponse]:
        """The answer with content from byte ``start`` on, as it is stored."""
        headers = {"Accept-Encoding": "gzip"} | ({"Range": f"bytes={start}-"} if start else {})
        connection, response = self._send("GET", path, headers=headers)
        if response.status >= 400 or (start and response.status != 206):
            data = response.read()
            connection.close()
            raise _refused(self.url, response.status, data)
        return connection, response

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
        parts = parse_uri(uri)
        query = {"uploadType": "resumable", "name": parts.name}
        try:
            if check is not None:
                before = self.find(parts.bucket, parts.name)
                check(before)
                query["ifGenerationMatch"] = str(before.generation if before else 0)
            path = f"/upload/storage/v1/b/{quote(parts.bucket, safe='')}/o?{urlencode(query)}"
            return self._upload(uri, path, written, attributes)
        finally:
            written.unlink(missing_ok=True)

    def _upload(self, uri: str, path: str, written: Path, attributes: Mapping[str, Any]) -> ObjectInfo:
        connection, response = self._send("POST", path, json.dumps(dict(attributes)), _JSON)
        data = response.read()
        connection.close()
        if response.status == 412:
            raise PreconditionFailed(uri)
        location = response.getheader("Location")
        if response.status >= 400 or not location:
            raise _refused(self.url, response.status, data)
        place = urlsplit(location)
        with written.open("rb") as stream:
            size = str(written.stat().st_size)
            found = self._call("PUT", f"{place.path}?{place.query}", stream, {"Content-Length": size})
        if found is None:
            raise not_found("URI", uri)
        return _info(found)

    def update(self, uri: str, attributes: Mapping[str, Any], *, check: Check | None = None) -> ObjectInfo:
        parts = parse_uri(uri)
        before = self.get(uri)
        if check is not None:
            check(before)
        path = f"{_path(parts.bucket, parts.name)}?ifGenerationMatch={before.generation}"
        found = self._call("PUT", path, json.dumps(dict(attributes)), _JSON)
        if found is None:
            raise not_found("URI", uri)
        return _info(found)

    def delete(self, uri: str, *, check: Check | None = None, generation: int | None = None) -> None:
        parts = parse_uri(uri)
        if check is not None:
            check(self.find(parts.bucket, parts.name, generation))
        query = "" if generation is None else f"?generation={generation}"
        if self._call("DELETE", f"{_path(parts.bucket, parts.name)}{query}") is None:
            raise not_found("URI", uri)


_JSON = {"Content-Type": "application/json"}


def _path(bucket: str, name: str) -> str:
    return f"/storage/v1/b/{quote(bucket, safe='')}/o/{quote(name, safe='')}"


def _info(body: Mapping[str, Any]) -> ObjectInfo:
    updated_us, created_us = _time_us(body.get("updated")), _time_us(body.get("timeCreated"))
    attributes = {name: value for name, value in body.items() if name not in _NOT_ATTRIBUTES}
    hashes = {k: body[n] for k, n in (("md5", "md5Hash"), ("crc32c", "crc32c")) if n in body}
    return ObjectInfo(
        str(body["bucket"]),
        str(body["name"]),
        int(body.get("size", 0)),
        int(body.get("generation", 0)),
        int(body.get("metageneration", 1)),
        created_us,
        updated_us,
        attributes,
        hashes,
    )


def _time_us(text: object) -> int:
    import datetime as dt

    if not isinstance(text, str):
        return 0
    try:
        return int(dt.datetime.fromisoformat(text).timestamp() * 1_000_000)
    except ValueError:
        return 0


def _unreachable(where: str, error: Exception) -> BigQueryError:
    return BigQueryError("backendError", f"Cloud Storage at {where} cannot be reached: {error}")


def _refused(url: str, status: int, data: bytes) -> BigQueryError:
    text = data[:200].decode("utf-8", "replace")
    return BigQueryError("backendError", f"Cloud Storage at {url} answered {status}: {text}")
