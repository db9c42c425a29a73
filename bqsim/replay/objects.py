"""Cloud Storage in a replay: objects are uploaded, read, listed and changed as it was recorded.

What an upload or a download brought is answered in any ranges; an upload may come by another way and in other
chunks than then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from bqsim.errors import BigQueryError
from bqsim.jobs import paging
from bqsim.server.gcs.errors import StorageError, json_body
from bqsim.server.gcs.media import range_of
from bqsim.server.gcs.methods import NoMethod, match
from bqsim.server.gcs.paths import below_prefix, is_json
from bqsim.server.gcs.request import Raw
from bqsim.server.http import BadRequest, Content, Disconnected, Response
from bqsim.server.identity import Caller
from bqsim.server.rest.reply import Reply, error_reply
from bqsim.server.rest.request import MAX_BODY_BYTES, base_url, parse_json
from bqsim.server.rest.resumable import Session, Sessions
from bqsim.server.rest.spool import Spool
from bqsim.server.rest.two_parts import TwoParts
from bqsim.sim.gate import Call

from .book import Found, Recording, Unrecorded
from .rest import CALLER
from .uploads import Sessioned, digest_of, discard

if TYPE_CHECKING:
    from bqsim.server.http import Request as HttpRequest

    from .rest import ReplayApp

# Chunks other than the last count by whole so many bytes (page "Resumable uploads").
QUANTUM = 256 * 1024
INSERT, GET, LIST = "storage.objects.insert", "storage.objects.get", "storage.objects.list"
# Parameters of URLs that say nothing of what is asked for.
_UNSAID = frozenset(("alt", "uploadId", "userProject"))
_LARGEST_PAGE = 1000
_LISTED = ("items", "prefixes")
# Headers of a recorded answer with content that are of its range and length.
_OF_PART = frozenset(("content-range", "content-length", "range", "accept-ranges"))


class Objects:
    """The service behind ``/storage/v1`` and its relatives, and behind ``/<bucket>/<object>``."""

    quantum = QUANTUM

    def __init__(self, app: ReplayApp) -> None:
        self._app = app
        self._book = app.core.book
        sessioned: Any = Sessioned(app)
        self._sessions = Sessions(sessioned, self, lambda: None)
        self._lists: dict[str, tuple[str, Mapping[str, Any]]] = {}

    async def handle(self, path: str, query: dict[str, str], http: HttpRequest) -> Response:
        """Answer a request."""
        try:
            reply = await self._route(path, query, http)
        except (BadRequest, Disconnected):
            raise
        except Exception as error:
            reply = self.failure(error, http)
        if isinstance(reply, Raw):
            headers = {"X-Content-Type-Options": "nosniff", **reply.headers}
            return Response(reply.status, reply.data, headers, reply.fault, reply.content)
        return await self._app.answer(reply, query, http)

    def failure(self, error: Exception, http: HttpRequest) -> Reply:
        """The answer to a failed call in the envelope of the JSON API."""
        if not isinstance(error, BigQueryError):
            return self._app.failure(error, http)
        reply = error_reply(error)
        if isinstance(error, StorageError):
            reply.body = json_body(error)
        return reply

    # Routes

    async def _route(self, path: str, query: dict[str, str], http: HttpRequest) -> Reply:
        verb = http.head.method
        if verb == "POST":
            verb = http.head.headers.get("x-http-method-override", verb).upper()
        if not is_json(path):
            return await self._simple(
                f"storage.xml.{verb.lower()}", "b" + unquote(path).rstrip("/"), query, http
            )
        upload = path.startswith(("/upload/", "/resumable/"))
        if upload and "upload_id" in query and verb in ("PUT", "POST", "DELETE"):
            return await self._sessions.proceed(query["upload_id"], http)
        if path.startswith("/download/"):
            query = {"alt": "media", **query}
        raw = below_prefix(path)
        try:
            known = {"HEAD": "GET", "PUT": "POST" if upload else "PUT"}
            method = match(known.get(verb, verb), raw).method.id
        except NoMethod:
            raise StorageError(404, "notFound", "Not Found") from None
        if upload:
            return await self._upload(unquote(raw), path, query, http)
        if method == GET and query.get("alt") == "media":
            call = self._call(method, unquote(raw), http)
            return await self._app.passed(call, lambda: self._download(unquote(raw), http), http)
        return await self._simple(method, unquote(raw), query, http)

    async def _simple(self, method: str, resource: str, query: dict[str, str], http: HttpRequest) -> Reply:
        """A call whose answer is told as it was recorded."""
        data = await http.read(MAX_BODY_BYTES)
        xml = method.startswith("storage.xml.")
        body = parse_json(data) if data and not xml else None

        async def service() -> Reply:
            if xml and method in ("storage.xml.get", "storage.xml.head"):
                return await self._download(resource, http, method)
            request = _request(method, resource, query)
            if body:
                request["body"] = body
            if xml and data:
                import hashlib

                request["content"] = {"digest": hashlib.sha256(data).hexdigest(), "size": len(data)}
            if method == LIST:
                return self._list(request, query)
            return self._told(self._find(request, media=False))

        return await self._app.passed(self._call(method, resource, http), service, http)

    def _call(self, method: str, resource: str, http: HttpRequest) -> Call:
        head = http.head
        return Call("rest", method, resource, CALLER, None, head.headers, (), head.scope, head.length or 0)

    # Answers

    def _find(self, request: Mapping[str, Any], *, media: bool) -> Found:
        """The recorded call. Reads of content and of what is said of an object have the same key."""
        book = self._book
        same = [r for r in self._recordings(request) if _is_media(book.load(r).result) is media]
        standing = [r for r in same if book.stands(book.load(r))] or same
        for recording in standing:
            if not recording.used:
                return book.use(recording)
        repeated = [r for r in standing if not book.load(r).changes]
        if repeated:
            return book.use(repeated[-1])
        if not same or book.strict:
            return book.find("object", request)
        return book.use(same[-1])

    def _recordings(self, request: Mapping[str, Any]) -> list[Recording]:
        book = self._book
        key = book.matching.key("object", book.bindings.symbolised(dict(request)))
        return [
            r
            for r in book.recordings("object")
            if (r.entry.key if book.matching.plain else book.matching.key("object", book.load(r).request))
            == key
        ]

    def _told(self, found: Found) -> Reply:
        """The answer as it was recorded."""
        result = self._book.bindings.rendered(found.operation.result, found.play)
        status = int(result.get("status") or 200)
        headers = {str(n): str(v) for n, v in dict(result.get("headers") or {}).items()}
        content = found.operation.result.get("content")
        if content is not None:
            return Raw(None, status, headers=headers, data=self._content(found, content))
        body = result.get("body")
        if body is None or not isinstance(body, Mapping):
            return Reply(None, status, headers=headers)
        etag = body.get("etag")
        headers.pop("content-type", None)
        return Reply(dict(body), status, str(etag) if etag else None, headers)

    def _content(self, found: Found, reference: Mapping[str, Any]) -> bytes:
        if "$blob" not in reference:
            size = reference.get("size")
            raise Unrecorded("object", found.operation.request, (), f"its {size} bytes were too many to keep")
        return self._book.cassette_of(found).blob(dict(reference))

    def _list(self, request: dict[str, Any], query: Mapping[str, str]) -> Reply:
        token = query.get("pageToken")
        if token and token in self._lists:
            name, body = self._lists[token]
            at = paging.decode(name, token)
        else:
            found = self._find(request, media=False)
            told = self._told(found)
            if told.status != 200 or not told.body:
                return told
            name, body, at = f"{found.name}/{found.play.number}", told.body, 0
        limit = int(query.get("maxResults") or 0) or _LARGEST_PAGE
        # Objects and prefixes are paged through together.
        entries = [(member, item) for member in _LISTED for item in body.get(member) or ()]
        shown = entries[at : at + limit]
        page = {k: v for k, v in body.items() if k not in (*_LISTED, "nextPageToken", "more")}
        for member, item in shown:
            page.setdefault(member, []).append(item)
        if at + len(shown) < len(entries):
            following = paging.encode(name, at + len(shown))
            self._lists[following] = (name, body)
            page["nextPageToken"] = following
        return Reply(page)

    # Content

    async def _download(self, resource: str, http: HttpRequest, method: str = GET) -> Reply:
        """The content of an object, or the range of it that is asked for."""
        headers = http.head.headers
        asked = headers.get("range")
        found, reference, part = self._source(resource, method, asked)
        result = self._book.bindings.rendered(found.operation.result, found.play)
        told = {str(n): str(v) for n, v in dict(result.get("headers") or {}).items()}
        status = int(result.get("status") or 200)
        if reference is None:
            return self._told(found)
        data = await asyncio.to_thread(self._content, found, reference)
        if status >= 400 or part:
            return Raw(None, status, headers=told, data=data)
        told = {n: v for n, v in told.items() if n.lower() not in _OF_PART}
        told.setdefault("content-type", "application/octet-stream")
        span = range_of(asked, len(data))
        status = 200
        if span is not None:
            start, length = span
            told["Content-Range"] = f"bytes {start}-{start + length - 1}/{len(data)}"
            data, status = data[start : start + length], 206
        told["Accept-Ranges"] = "bytes"
        if http.head.method == "HEAD":
            return Raw(None, status, headers=told, content=Content(len(data)))
        return Raw(None, status, headers=told, data=data)

    def _source(
        self, resource: str, method: str, asked: str | None
    ) -> tuple[Found, Mapping[str, Any] | None, bool]:
        """What has the content of an object: the operation, the reference to the bytes, and whether these are
        the very range that is asked for."""
        book = self._book
        request = _request(method, resource, {})
        reads = [r for r in self._recordings(request) if _is_media(book.load(r).result)]
        whole, ranged, refused = [], [], []
        for recording in reads:
            operation = book.load(recording)
            if int(operation.result.get("status") or 200) >= 400:
                refused.append(recording)
            elif "content-range" in (operation.result.get("headers") or {}):
                if (operation.request.get("headers") or {}).get("range") == asked:
                    ranged.append(recording)
            else:
                whole.append(recording)
        standing = [r for r in (*ranged, *whole, *refused) if book.stands(book.load(r))]
        for recording in standing or [*ranged, *whole]:
            found = book.use(recording)
            return found, found.operation.result.get("content"), recording in ranged
        uploaded = [r for r in self._uploads_of(resource, method) if r.used] or self._uploads_of(
            resource, method
        )
        if uploaded:
            found = self._again(uploaded[-1])
            return found, found.operation.request["content"], False
        return book.find("object", request), None, True

    def _again(self, recording: Recording) -> Found:
        """An operation that is looked at, not done once more."""
        operation = self._book.load(recording)
        return Found(operation, self._book.bindings.play_of(operation), recording)

    def _uploads_of(self, resource: str, method: str) -> list[Recording]:
        """The recorded uploads of an object."""
        book = self._book
        path = str(book.bindings.symbolised({"resource": resource})["resource"])
        found = []
        for recording in book.recordings("object"):
            request = book.load(recording).request
            if not request.get("content"):
                continue
            if request.get("method") == INSERT and method == GET:
                name = str(
                    (request.get("body") or {}).get("name") or (request.get("query") or {}).get("name")
                )
                if f"{request['resource']}/{name}" == path:
                    found.append(recording)
            elif request.get("method") == "storage.xml.put" and request.get("resource") == path:
                found.append(recording)
        return found

    # Uploads

    async def _upload(self, resource: str, path: str, query: dict[str, str], http: HttpRequest) -> Reply:
        kind = query.get("uploadType") or query.get("upload_protocol")
        if kind is None:
            kind = "resumable" if path.startswith("/resumable") else "media"
        if kind == "resumable":
            return await self._begin(resource, path, query, http)
        spool = Spool()
        try:
            if kind == "multipart":
                async with TwoParts(http, spool.write) as parts:
                    body = parse_json(await parts.metadata())

                    async def service() -> Reply:
                        await parts.media()
                        return await self._insert(resource, body, query, spool)

                    return await self._app.passed(self._call(INSERT, resource, http), service, http)

            async def simple() -> Reply:
                async for piece in http.pieces():
                    spool.write(piece)
                return await self._insert(resource, {}, query, spool)

            return await self._app.passed(self._call(INSERT, resource, http), simple, http)
        finally:
            discard(spool)

    async def _begin(self, resource: str, path: str, query: dict[str, str], http: HttpRequest) -> Reply:
        data = await http.read(MAX_BODY_BYTES)
        spec = {"resource": resource, "query": dict(query), "body": parse_json(data) if data else {}}
        upload_id = self._sessions.begin(spec, Caller(CALLER), http).id
        root = base_url(http.head.headers, self._app.core.settings)
        location = f"{root}{path}?uploadType=resumable&upload_id={upload_id}"
        return Reply(None, 200, headers={"Location": location, "X-GUploader-UploadID": upload_id})

    def call(self, session: Session, http: HttpRequest) -> Call:
        """The call at the gate of the request that brings the last chunk."""
        return self._call(INSERT, session.spec["resource"], http)

    async def complete(self, session: Session, http: HttpRequest) -> Reply:
        """Use the content of a complete upload."""
        spec = session.spec
        try:
            return await self._insert(spec["resource"], spec["body"], spec["query"], session.spool)
        finally:
            discard(session.spool)

    async def _insert(
        self, resource: str, body: Mapping[str, Any], query: Mapping[str, str], spool: Spool
    ) -> Reply:
        """The recorded upload of an object of this name, by whatever way it came then."""
        digest = await asyncio.to_thread(digest_of, spool)
        content = {"digest": digest, "size": spool.size}
        name = str(body.get("name") or query.get("name") or "")
        book = self._book
        wanted = book.bindings.symbolised({"resource": resource, "name": name})
        for recording in book.recordings("object"):
            was = book.load(recording).request
            if was.get("method") != INSERT or was.get("resource") != wanted["resource"]:
                continue
            told = was.get("body") or {}
            if (told.get("name") or (was.get("query") or {}).get("name")) != wanted["name"] or recording.used:
                continue
            # As it was asked then: the name may have been in the body or in the URL.
            asked = {k: v for k, v in was.items() if k != "content"}
            own = book.bindings.rendered(asked, book.bindings.play_of(book.load(recording)))
            return self._told(book.find("object", {**own, "content": content}))
        request = {**_request(INSERT, resource, query), "content": content}
        if body:
            request["body"] = dict(body)
        return self._told(book.find("object", request))


def _request(method: str, resource: str, query: Mapping[str, str]) -> dict[str, Any]:
    request: dict[str, Any] = {"method": method, "resource": resource}
    said = {name: value for name, value in sorted(query.items()) if name not in _UNSAID}
    if said:
        request["query"] = said
    return request


def _is_media(result: Mapping[str, Any]) -> bool:
    """Whether an answer was the content of an object."""
    return "content" in result or ("body" not in result and "x-goog-hash" in (result.get("headers") or {}))
