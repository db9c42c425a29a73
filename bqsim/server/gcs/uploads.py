"""``storage.objects.insert``: simple, multipart and resumable uploads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bqsim.objects.checksums import Sums
from bqsim.objects.store import OWN
from bqsim.objects.uris import Uri
from bqsim.server.identity import Caller
from bqsim.server.rest.reply import Reply
from bqsim.server.rest.request import MAX_BODY_BYTES, parse_json
from bqsim.server.rest.resumable import Session, Sessions
from bqsim.server.rest.spool import Spool
from bqsim.server.rest.two_parts import TwoParts
from bqsim.sim.gate import Call

from .acls import apply_predefined, checked_lists
from .conditions import KEPT, check_of
from .errors import StorageError, bad_value, required
from .request import Ask, Raw, call_of, off_loop
from .resources import (
    DEFAULT_TYPE,
    OBJECT_FIELDS,
    attributes_of,
    hashes_of,
    object_json,
    without_nulls,
    xml_etag,
)

if TYPE_CHECKING:
    from bqsim.server.http import Request as HttpRequest

    from .app import CloudStorage

Failure = Callable[[Exception, "HttpRequest"], Reply]
METHOD = "storage.objects.insert"
QUANTUM = 256 * 1024
_SUMS = {"md5": ("MD5 hash", "BadDigest"), "crc32c": ("CRC32C", "BadDigest")}


@dataclass(slots=True)
class Wanted:
    """The object that an upload makes: attributes, preconditions, and the checksums it must have."""

    bucket: str
    name: str
    attributes: dict[str, Any] = field(default_factory=dict)
    conditions: dict[str, str] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)

    def spec(self) -> dict[str, Any]:
        """As JSON, for a session."""
        return {
            "bucket": self.bucket,
            "name": self.name,
            "attributes": self.attributes,
            "conditions": self.conditions,
            "hashes": self.hashes,
        }


def wanted_of(ask: Ask, body: Mapping[str, Any], content_type: str | None) -> Wanted:
    """What the parameters and the metadata of an upload ask for."""
    name = ask.query.get("name") or ask.path.get("object") or body.get("name")
    if not isinstance(name, str) or not name:
        raise required("name")
    attributes = checked_lists(without_nulls(attributes_of(body, OBJECT_FIELDS)), of_object=True)
    apply_predefined(ask.query, attributes, ask.project, ("predefinedAcl", "acl"))
    if ask.query.get("contentEncoding"):
        attributes["contentEncoding"] = ask.query["contentEncoding"]
    if not attributes.get("contentType"):
        attributes["contentType"] = content_type or DEFAULT_TYPE
    hashes = header_hashes(ask.headers)
    for field_name, kind in (("md5Hash", "md5"), ("crc32c", "crc32c")):
        value = body.get(field_name)
        if isinstance(value, str):
            hashes[kind] = value
    conditions = {n: ask.query[n] for n in KEPT if n in ask.query}
    check_of(conditions)
    return Wanted(ask.path["bucket"], name, attributes, conditions, hashes)


def header_hashes(headers: Mapping[str, str]) -> dict[str, str]:
    """The checksums in ``X-Goog-Hash`` and ``Content-MD5``."""
    found = {}
    for part in headers.get("x-goog-hash", "").split(","):
        kind, equals, value = part.strip().partition("=")
        if equals and kind in _SUMS:
            found[kind] = value
    if headers.get("content-md5"):
        found["md5"] = headers["content-md5"].strip()
    return found


def make(ask: Ask, wanted: Wanted, path: Path) -> Any:
    """Make the object of a file that has arrived. Raises 400 for other checksums, 412.

    Not on the event loop: it reads the file.
    """
    with path.open("rb") as stream:
        found = Sums().of(stream).hashes()
    for kind, value in wanted.hashes.items():
        if found[kind] != value:
            path.unlink(missing_ok=True)
            word, code = _SUMS[kind]
            text = f'Provided {word} "{value}" doesn\'t match calculated {word} "{found[kind]}".'
            raise StorageError(400, "invalid", text, code=code, text=text)
    uri = str(Uri(wanted.bucket, wanted.name))
    return ask.store.adopt(uri, path, wanted.attributes, check=check_of(wanted.conditions), hashes=found)


class StorageUploads:
    """Uploads of objects."""

    quantum = QUANTUM

    def __init__(self, app: CloudStorage) -> None:
        self._app = app
        self._core = app.core
        self.failure = app.failure
        self.sessions = Sessions(app.rest, self, self._folder)

    def _folder(self) -> Path:
        return self._core.executor.objects.folder / OWN / "uploads"

    async def insert(self, ask: Ask) -> Reply:
        """A request to the upload address of a bucket."""
        kind = ask.query.get("uploadType") or ask.query.get("upload_protocol") or "media"
        if kind == "multipart":
            return await self._multipart(ask)
        if kind == "resumable":
            return await self._begin(ask)
        if kind == "media":
            return await self.simple(ask, wanted_of(ask, {}, ask.headers.get("content-type")))
        raise bad_value(f"Unknown upload type: {kind[:40]}", "uploadType")

    async def simple(self, ask: Ask, wanted: Wanted, failure: Failure | None = None) -> Reply:
        """The body is the content. ``failure`` words failures for the XML API."""
        spool = Spool(ask.store.scratch())

        async def read() -> None:
            async for piece in ask.http.pieces():
                spool.write(piece)

        return await self._pass(ask, wanted, spool, read, failure)

    async def _multipart(self, ask: Ask) -> Reply:
        spool = Spool(ask.store.scratch())
        try:
            async with TwoParts(ask.http, spool.write) as parts:
                body = parse_json(await parts.metadata())
                wanted = wanted_of(ask, body, parts.media_headers.get("content-type"))
                return await self._pass(ask, wanted, spool, parts.media)
        finally:
            spool.discard()

    async def _pass(
        self, ask: Ask, wanted: Wanted, spool: Spool, read: Any, failure: Failure | None = None
    ) -> Reply:
        async def service() -> Reply:
            ask.bucket(wanted.bucket)
            await read()
            return await self._made(ask, wanted, spool)

        try:
            return await self._app.passed(ask, service, failure)
        finally:
            spool.discard()

    async def _made(self, ask: Ask, wanted: Wanted, spool: Spool) -> Reply:
        path = spool.take()
        made = await off_loop(lambda: make(ask, wanted, path))
        if "object" in ask.path:
            return xml_made(ask, made)
        return await off_loop(lambda: ask.shown(made))

    # Resumable

    async def _begin(self, ask: Ask) -> Reply:
        body = parse_json(await ask.http.read(MAX_BODY_BYTES))
        wanted = wanted_of(ask, body, ask.headers.get("x-upload-content-type"))
        path = ask.http.head.target.partition("?")[0]

        def answer(upload_id: str) -> Reply:
            location = f"{ask.base}{path}?uploadType=resumable&upload_id={upload_id}"
            return Reply(None, 200, headers={"Location": location, "X-GUploader-UploadID": upload_id})

        return await self.begin(ask, wanted, answer)

    async def begin(self, ask: Ask, wanted: Wanted, answer: Any) -> Reply:
        """Begin a session for an object; ``answer`` tells its id."""

        async def service() -> Reply:
            ask.bucket(wanted.bucket)
            spec = {**wanted.spec(), "xml": "object" in ask.path}
            reply: Reply = answer(self.sessions.begin(spec, ask.caller, ask.http).id)
            return reply

        return await self._app.passed(ask, service)

    def _ask(self, session: Session, http: HttpRequest) -> tuple[Ask, Wanted]:
        spec = dict(session.spec)
        xml = spec.pop("xml", False)
        wanted = Wanted(**spec)
        wanted.hashes = {**wanted.hashes, **header_hashes(http.head.headers)}
        path = {"bucket": wanted.bucket} | ({"object": wanted.name} if xml else {})
        caller = Caller(session.caller.email, session.caller.groups)
        return Ask(self._core, METHOD, path, {}, http, caller), wanted

    def call(self, session: Session, http: HttpRequest) -> Call:
        """The insertion of the object."""
        ask, wanted = self._ask(session, http)
        path = {"bucket": wanted.bucket, "object": wanted.name}
        return call_of(self._core, METHOD, path, ask.caller, http, {}, {})

    async def complete(self, session: Session, http: HttpRequest) -> Reply:
        """Make the object."""
        ask, wanted = self._ask(session, http)
        ask.bucket(wanted.bucket)
        return await self._made(ask, wanted, session.spool)


def xml_made(ask: Ask, made: Any) -> Reply:
    """The answer of the XML API to an object that has been made."""
    shown = object_json(ask.store, made, ask.base)
    hashes = ",".join(
        f"{kind}={shown[n]}" for kind, n in (("crc32c", "crc32c"), ("md5", "md5Hash")) if n in shown
    )
    headers = {
        "ETag": f'"{xml_etag(hashes_of(ask.store, made), made)}"',
        "X-Goog-Generation": shown["generation"],
        "X-Goog-Metageneration": shown["metageneration"],
        "X-Goog-Hash": hashes,
        "X-Goog-Stored-Content-Length": shown["size"],
        "X-Goog-Stored-Content-Encoding": shown.get("contentEncoding", "identity"),
        "Content-Type": "text/html; charset=UTF-8",
    }
    return Raw(None, 200, headers=headers)
