"""The XML API: buckets and objects by their paths, multipart uploads, and signed URLs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote

from bqsim.errors import BigQueryError
from bqsim.server.http import BadRequest, Disconnected, Response
from bqsim.server.identity import Caller
from bqsim.server.rest.reply import Reply, error_reply, one_line
from bqsim.server.rest.request import MAX_BODY_BYTES

from . import objects, rewriting, signed, xml_lists, xml_parts
from .conditions import check_etags, check_of, of_headers
from .errors import StorageError, no_bucket, not_offered, xml_body
from .media import download
from .request import Ask, Raw, off_loop
from .resources import hashes_of, xml_etag
from .uploads import METHOD, wanted_of, xml_made
from .xml_text import XML_HEADERS, element, elements_of

if TYPE_CHECKING:
    from bqsim.server.http import Request as HttpRequest

    from .app import CloudStorage

Handler = Callable[["XmlApi", Ask], Awaitable[Reply]]

# Headers of a request that become attributes of the object.
_ATTRIBUTES = {
    "cache-control": "cacheControl",
    "content-disposition": "contentDisposition",
    "content-encoding": "contentEncoding",
    "content-language": "contentLanguage",
    "x-goog-storage-class": "storageClass",
    "x-goog-custom-time": "customTime",
}
_META = "x-goog-meta-"
# Query parameters that name what bqsim does not have.
_REFUSED = (
    "acl", "billing", "cors", "defaultObjectAcl", "encryption", "lifecycle", "logging", "storageClass",
    "tagging", "versioning", "website", "websiteConfig",
)  # fmt: skip
# How a signed URL may change headers of the answer.
_OVERRIDES = {
    "response-content-type": "Content-Type",
    "response-content-disposition": "Content-Disposition",
}


class XmlApi:
    """Answers what is below ``/<bucket>``."""

    def __init__(self, app: CloudStorage) -> None:
        self.app = app
        self._keys = signed.Keys(app.core.settings.jwt_keys)

    async def handle(self, path: str, query: dict[str, str], http: HttpRequest) -> Response:
        """Answer one request."""
        try:
            reply = await self._route(path, query, http)
        except (BadRequest, Disconnected):
            raise
        except Exception as error:
            reply = self._failure(error, http)
        if isinstance(reply.body, Mapping):
            # The gate's own answers, and defects, are worded for the JSON API.
            message = str(reply.body.get("error", {}).get("message", ""))
            failed = StorageError(reply.status, "", message)
            reply = Raw(
                None, reply.status, headers={**reply.headers, **XML_HEADERS}, fault=reply.fault,
                data=xml_body(failed),
            )  # fmt: skip
        elif not isinstance(reply, Raw):
            reply = Raw(None, reply.status, headers=reply.headers, fault=reply.fault)
        return await self.app.answer(reply, query, http)

    def _failure(self, error: Exception, http: HttpRequest) -> Reply:
        if not isinstance(error, BigQueryError):
            return self.app.rest.failure(error, http)
        if error.http == 304:
            return Raw(None, 304)
        reply = error_reply(error)
        return Raw(None, reply.status, headers={**reply.headers, **XML_HEADERS}, data=xml_body(error))

    async def _passed(self, ask: Ask, service: Callable[[], Awaitable[Reply]]) -> Reply:
        return await self.app.rest.passed(ask.call(), service, ask.http, self._failure)

    async def _route(self, path: str, query: dict[str, str], http: HttpRequest) -> Reply:
        self.app.check_own()
        bucket, _, name = path[1:].partition("/")
        bucket, name = unquote(bucket), unquote(name)
        verb = http.head.method
        if "upload_id" in query and verb in ("PUT", "DELETE"):
            return await self.app.uploads.sessions.proceed(query["upload_id"], http)
        caller = self._caller(path, query, http)
        given = {**query, **of_headers(http.head.headers)}
        refused = next((name for name in _REFUSED if name in query), None)
        if refused:
            raise not_offered(f"?{refused} of the XML API")
        place = {"bucket": bucket} | ({"object": name} if name else {})
        mark = next((m for m in ("uploads", "uploadId") if m in query), "")
        table = _OBJECT if name else _BUCKET
        found = table.get((verb, mark)) or table.get((verb, ""))
        if found is None:
            raise StorageError(405, "", "Method Not Allowed")
        method, handler = found
        ask = Ask(self.app.core, method, place, given, http, caller)
        return await handler(self, ask)

    def _caller(self, path: str, query: Mapping[str, str], http: HttpRequest) -> Caller:
        core = self.app.core
        if signed.is_signed(query):
            strict = core.settings.auth != "open"
            return signed.verify(path, query, http.head, core.clock.now_us(), self._keys, strict=strict)
        return core.authenticator.caller(http.head.headers.get("authorization", ""))

    # Objects

    async def get_object(self, ask: Ask) -> Reply:
        """The content of an object, or with HEAD its headers."""

        async def service() -> Reply:
            ask.bucket()
            found = await off_loop(lambda: objects.found_object(ask))
            check_of(ask.query)(found)
            etag = xml_etag(await off_loop(lambda: hashes_of(ask.store, found)), found)
            check_etags(ask.headers, found, etag)
            extra = {"ETag": f'"{etag}"'} | {
                h: one_line(ask.query[n]) for n, h in _OVERRIDES.items() if n in ask.query
            }
            return await download(ask, found, extra)

        return await self._passed(ask, service)

    async def put_object(self, ask: Ask) -> Reply:
        """The body is the content; with a copy source, that object's."""
        source = ask.headers.get("x-goog-copy-source") or ask.headers.get("x-amz-copy-source")
        if source:
            return await self._copy(ask, source)
        uploads = self.app.uploads
        wanted = wanted_of(ask, attributes_of(ask.headers), ask.headers.get("content-type"))
        return await uploads.simple(ask, wanted, self._failure)

    async def _copy(self, ask: Ask, source: str) -> Reply:
        bucket, _, name = unquote(source).lstrip("/").partition("/")
        path = {
            "bucket": bucket,
            "object": name,
            "destinationBucket": ask.path["bucket"],
            "destinationObject": ask.path["object"],
        }
        inner = Ask(ask.core, "storage.objects.copy", path, ask.query, ask.http, ask.caller)
        if ask.headers.get("x-goog-metadata-directive", "").upper() == "REPLACE":
            inner.body = attributes_of(ask.headers)

        async def service() -> Reply:
            copying = rewriting.copying_of(inner)
            made = await off_loop(lambda: rewriting.carry_out(inner, copying))
            reply = xml_made(ask, made)
            etag = reply.headers["ETag"]
            assert isinstance(reply, Raw)
            reply.headers = {**reply.headers, **XML_HEADERS}
            reply.data = element("CopyObjectResult", {"ETag": etag})
            return reply

        return await self._passed(inner, service)

    async def post_object(self, ask: Ask) -> Reply:
        """The beginning of a resumable upload."""
        if ask.headers.get("x-goog-resumable", "").lower() != "start":
            raise not_offered("POST of the XML API other than of uploads")
        wanted = wanted_of(ask, attributes_of(ask.headers), ask.headers.get("content-type"))
        path = ask.http.head.target.partition("?")[0]

        def answer(upload_id: str) -> Reply:
            headers = {
                "Location": f"{ask.base}{path}?upload_id={upload_id}",
                "X-GUploader-UploadID": upload_id,
            }
            return Raw(None, 201, headers={**headers, "Content-Type": "text/html; charset=UTF-8"})

        return await self.app.uploads.begin(ask, wanted, answer)

    async def delete_object(self, ask: Ask) -> Reply:
        """Delete an object."""
        return await self._passed(ask, lambda: objects.delete(ask))

    # Buckets

    async def get_bucket(self, ask: Ask) -> Reply:
        """The objects of a bucket; with HEAD whether it is there."""

        async def service() -> Reply:
            bucket = ask.bucket()
            if ask.http.head.method == "HEAD":
                return Raw(None, 200, headers=XML_HEADERS)
            data = await off_loop(lambda: xml_lists.objects_xml(ask, bucket.name))
            return Raw(None, 200, headers=XML_HEADERS, data=data)

        return await self._passed(ask, service)

    async def put_bucket(self, ask: Ask) -> Reply:
        """A new bucket."""
        from .buckets import create

        inside = elements_of(await ask.http.read(MAX_BODY_BYTES))
        names = {"LocationConstraint": "location", "StorageClass": "storageClass"}
        attributes = {names[tag]: text for tag, text in inside if tag in names and text}
        project = ask.headers.get("x-goog-project-id") or ask.core.settings.project

        async def service() -> Reply:
            await off_loop(lambda: create(ask, ask.path["bucket"], attributes, project))
            return Raw(None, 200, headers=XML_HEADERS)

        return await self._passed(ask, service)

    async def delete_bucket(self, ask: Ask) -> Reply:
        """Delete an empty bucket."""
        from .buckets import delete

        return await self._passed(ask, lambda: delete(ask))

    # Multipart uploads

    async def begin_parts(self, ask: Ask) -> Reply:
        """A new multipart upload."""
        wanted = wanted_of(ask, attributes_of(ask.headers), ask.headers.get("content-type"))

        async def service() -> Reply:
            ask.bucket()
            upload_id = ask.core.draws.hex_id("upload", 32)
            xml_parts.begin(ask.store, upload_id, wanted)
            data = element(
                "InitiateMultipartUploadResult",
                {"Bucket": wanted.bucket, "Key": wanted.name, "UploadId": upload_id},
            )
            return Raw(None, 200, headers=XML_HEADERS, data=data)

        return await self._passed(ask, service)

    async def put_part(self, ask: Ask) -> Reply:
        """One part."""
        return await self._passed(ask, lambda: xml_parts.put(ask))

    async def list_parts(self, ask: Ask) -> Reply:
        """The parts that have arrived."""
        return await self._passed(ask, lambda: xml_parts.parts(ask))

    async def end_parts(self, ask: Ask) -> Reply:
        """Make the object of the parts."""
        return await self._passed(ask, lambda: xml_parts.complete(ask))

    async def drop_parts(self, ask: Ask) -> Reply:
        """Give a multipart upload up."""
        return await self._passed(ask, lambda: xml_parts.abort(ask))

    async def list_uploads(self, ask: Ask) -> Reply:
        """The multipart uploads under way in a bucket."""

        async def service() -> Reply:
            if ask.store.find_bucket(ask.path["bucket"]) is None:
                raise no_bucket(ask.path["bucket"])
            return await xml_parts.uploads(ask)

        return await self._passed(ask, service)


def attributes_of(headers: Mapping[str, str]) -> dict[str, object]:
    """The attributes that headers give an object."""
    found: dict[str, object] = {name: headers[h] for h, name in _ATTRIBUTES.items() if headers.get(h)}
    if found.get("contentEncoding") == "aws-chunked":
        del found["contentEncoding"]
    metadata = {h[len(_META) :]: value for h, value in headers.items() if h.startswith(_META)}
    if metadata:
        found["metadata"] = metadata
    return found


_OBJECT: Mapping[tuple[str, str], tuple[str, Handler]] = {
    ("GET", ""): ("storage.objects.get", XmlApi.get_object),
    ("HEAD", ""): ("storage.objects.get", XmlApi.get_object),
    ("PUT", ""): (METHOD, XmlApi.put_object),
    ("POST", ""): (METHOD, XmlApi.post_object),
    ("DELETE", ""): ("storage.objects.delete", XmlApi.delete_object),
    ("POST", "uploads"): (METHOD, XmlApi.begin_parts),
    ("PUT", "uploadId"): (METHOD, XmlApi.put_part),
    ("GET", "uploadId"): (METHOD, XmlApi.list_parts),
    ("POST", "uploadId"): (METHOD, XmlApi.end_parts),
    ("DELETE", "uploadId"): (METHOD, XmlApi.drop_parts),
}
_BUCKET: Mapping[tuple[str, str], tuple[str, Handler]] = {
    ("GET", ""): ("storage.objects.list", XmlApi.get_bucket),
    ("HEAD", ""): ("storage.buckets.get", XmlApi.get_bucket),
    ("PUT", ""): ("storage.buckets.insert", XmlApi.put_bucket),
    ("DELETE", ""): ("storage.buckets.delete", XmlApi.delete_bucket),
    ("GET", "uploads"): ("storage.objects.list", XmlApi.list_uploads),
}
