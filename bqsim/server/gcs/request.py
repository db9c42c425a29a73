"""One call of Cloud Storage, and its answers other than JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from bqsim.objects import Bucket, ObjectInfo, ObjectStore
from bqsim.objects.uris import Uri
from bqsim.server.http import Content
from bqsim.server.identity import Caller
from bqsim.server.rest.reply import Reply
from bqsim.server.rest.request import base_url
from bqsim.sim.gate import Call

from .errors import no_bucket
from .resources import bucket_json, object_json, project_of

if TYPE_CHECKING:
    from bqsim.server.core import Core
    from bqsim.server.http import Request as HttpRequest

T = TypeVar("T")


@dataclass(slots=True)
class Raw(Reply):
    """An answer of bytes, or of content that is read while it is sent, under its own headers."""

    data: bytes = b""
    content: Content | None = None


@dataclass(slots=True)
class Ask:
    """A call: ``method`` is its id, ``path`` has the decoded path variables."""

    core: Core
    method: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    http: HttpRequest
    caller: Caller
    body: dict[str, Any] = field(default_factory=dict)

    @property
    def store(self) -> ObjectStore:
        return self.core.executor.objects

    @property
    def headers(self) -> Mapping[str, str]:
        return self.http.head.headers

    @property
    def base(self) -> str:
        """The address of the server as the client wrote it."""
        return base_url(self.headers, self.core.settings)

    def call(self) -> Call:
        """The call as the gate sees it; buckets are below their projects."""
        return call_of(self.core, self.method, self.path, self.caller, self.http, self.query, self.body)

    def bucket(self, name: str | None = None) -> Bucket:
        """The bucket of the path. Raises 404."""
        name = self.path["bucket"] if name is None else name
        found = self.store.find_bucket(name)
        if found is None:
            raise no_bucket(name)
        return found

    @property
    def project(self) -> str:
        """The project of the path's bucket, that of the server without one."""
        bucket = self.store.find_bucket(self.path["bucket"])
        default = self.core.settings.project
        return default if bucket is None else project_of(bucket, default)

    @property
    def uri(self) -> str:
        """The ``gs://`` name of the path's object."""
        return str(Uri(self.path["bucket"], self.path["object"]))

    def shown(self, info: ObjectInfo) -> Reply:
        """The answer with the resource of an object."""
        body = object_json(self.store, info, self.base)
        if self.query.get("projection") == "full":
            from .acls import shown_entries

            body["acl"] = shown_entries(self, info, "objectAccessControls")
        return Reply(body, etag=body["etag"])

    def shown_bucket(self, bucket: Bucket) -> Reply:
        """The answer with the resource of a bucket."""
        settings = self.core.settings
        body = bucket_json(bucket, self.base, settings.project, settings.location)
        if self.query.get("projection") == "full":
            from .acls import shown_entries

            body["acl"] = shown_entries(self, bucket, "bucketAccessControls")
            body["defaultObjectAcl"] = shown_entries(self, bucket, "defaultObjectAccessControls")
        return Reply(body, etag=body["etag"])


def call_of(
    core: Core,
    method: str,
    path: Mapping[str, str],
    caller: Caller,
    http: HttpRequest,
    query: Mapping[str, str],
    body: Any,
) -> Call:
    """A call at the gate."""
    head = http.head
    resource = resource_of(core, path, query)
    return Call(
        "rest", method, resource, caller.email, body, head.headers, caller.groups, head.scope, query=query
    )


def resource_of(core: Core, path: Mapping[str, str], query: Mapping[str, str]) -> str:
    """The path of what a call is about: ``projects/p/buckets/b/objects/o``."""
    name = path.get("bucket", "")
    bucket = core.executor.objects.find_bucket(name) if name else None
    default = core.settings.project
    if bucket is not None:
        project = project_of(bucket, default)
    else:
        project = path.get("project") or query.get("project", "")
        project = default if project in ("", "<none>") else project
    resource = f"projects/{project}/buckets"
    if name:
        resource += f"/{name}"
    return f"{resource}/objects/{path['object']}" if "object" in path else resource


async def off_loop(work: Callable[[], T]) -> T:
    """Run work on files, off the event loop."""
    return await asyncio.to_thread(work)
