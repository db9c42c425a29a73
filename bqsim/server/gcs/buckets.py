"""``storage.buckets``."""

from __future__ import annotations

import base64
import binascii
from typing import Any
from urllib.parse import parse_qsl

from bqsim.errors import BigQueryError
from bqsim.objects import Bucket
from bqsim.objects.uris import is_bucket_name
from bqsim.server.rest.reply import Reply
from bqsim.server.rest.request import split_target

from .conditions import check_metageneration, number
from .errors import StorageError, bad_value, required
from .request import Ask, off_loop
from .resources import (
    BUCKET_FIELDS,
    POLICY,
    PROJECT,
    attributes_of,
    bucket_json,
    etag_of,
    patched,
    project_of,
    without_nulls,
)

_TAKEN = "Your previous request to create the named bucket succeeded and you already own it."
_NOT_AVAILABLE = (
    "The requested bucket name is not available. The bucket namespace is shared by all users of the system."
    " Please select a different name and try again."
)
_NOT_EMPTY = "The bucket you tried to delete is not empty."


async def insert(ask: Ask) -> Reply:
    """A new bucket."""
    if not ask.query.get("project"):
        raise required("project")
    name = ask.body.get("name")
    if not isinstance(name, str) or not name:
        raise required("name")
    attributes = without_nulls(attributes_of(ask.body, BUCKET_FIELDS))
    return ask.shown_bucket(await off_loop(lambda: create(ask, name, attributes, ask.query["project"])))


def create(ask: Ask, name: str, attributes: dict[str, Any], project: str) -> Bucket:
    """Make a bucket. 409 when it is there."""
    if not is_bucket_name(name):
        raise bad_value(f"Invalid bucket name: '{name[:300]}'")
    try:
        return ask.store.create_bucket(name, {**attributes, PROJECT: project}, new=True)
    except BigQueryError as error:
        if error.http != 409:
            raise
        there = ask.bucket(name)
        own = project_of(there, project) == project
        text, code = (_TAKEN, "BucketAlreadyOwnedByYou") if own else (_NOT_AVAILABLE, "BucketAlreadyExists")
        raise StorageError(409, "conflict", text, code=code, text=text) from None


async def list_(ask: Ask) -> Reply:
    """The buckets of a project."""
    project = ask.query.get("project")
    if not project:
        raise required("project")
    settings = ask.core.settings
    wanted = settings.project if project == "<none>" else project
    prefix, after = ask.query.get("prefix", ""), decode_token(ask.query.get("pageToken", ""))
    size = page_size(ask)
    found = [
        bucket
        for bucket in await off_loop(ask.store.buckets)
        if bucket.name.startswith(prefix)
        and bucket.name > after
        and project_of(bucket, settings.project) == wanted
    ]
    body: dict[str, Any] = {"kind": "storage#buckets"}
    shown = [bucket_json(b, ask.base, settings.project, settings.location) for b in found[:size]]
    if shown:
        body["items"] = shown
    if len(found) > size:
        body["nextPageToken"] = encode_token(found[size - 1].name)
    return Reply(body)


def page_size(ask: Ask, name: str = "maxResults") -> int:
    """How many items a page has: 1,000 at most."""
    size = number(ask.query, name)
    if size is not None and size < 0:
        raise bad_value(f"Invalid value '{size}'. Values must be within the range: [0, 1000]", name)
    return min(size or 1000, 1000)


def encode_token(name: str) -> str:
    """A page token: the last name that has been shown."""
    return base64.urlsafe_b64encode(name.encode("utf-8", "replace")).decode()


def decode_token(token: str) -> str:
    """The name in a page token; 400 for other text."""
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise bad_value("Invalid argument.", "pageToken") from None


async def get(ask: Ask) -> Reply:
    """A bucket."""
    bucket = ask.bucket()
    check_metageneration(ask.query, bucket.metageneration, reading=True)
    return ask.shown_bucket(bucket)


async def patch(ask: Ask) -> Reply:
    """Change some attributes."""
    changes = attributes_of(ask.body, BUCKET_FIELDS)
    return await _change(ask, lambda before: patched(before, changes))


async def update(ask: Ask) -> Reply:
    """Replace all attributes."""
    given = without_nulls(attributes_of(ask.body, BUCKET_FIELDS))

    def changed(before: dict[str, Any]) -> dict[str, Any]:
        fixed = ("location", PROJECT, POLICY)
        return given | {name: before[name] for name in fixed if name in before}

    return await _change(ask, changed)


async def _change(ask: Ask, changed: Any) -> Reply:
    bucket = ask.bucket()
    check_metageneration(ask.query, bucket.metageneration)
    attributes = changed(dict(bucket.attributes))
    return ask.shown_bucket(await off_loop(lambda: ask.store.create_bucket(bucket.name, attributes)))


async def delete(ask: Ask) -> Reply:
    """Delete an empty bucket."""
    bucket = ask.bucket()
    check_metageneration(ask.query, bucket.metageneration)

    def work() -> None:
        if ask.store.names(bucket.name) or ask.store.noncurrent(bucket.name):
            raise StorageError(409, "conflict", _NOT_EMPTY, code="BucketNotEmpty", text=_NOT_EMPTY)
        ask.store.delete_bucket(bucket.name)

    await off_loop(work)
    return Reply(None, 204)


# Access


async def get_policy(ask: Ask) -> Reply:
    """The IAM policy of a bucket: what has been set, or that of a new bucket."""
    return Reply(_policy(ask, ask.bucket()))


def _policy(ask: Ask, bucket: Bucket) -> dict[str, Any]:
    project = project_of(bucket, ask.core.settings.project)
    owners = [f"projectEditor:{project}", f"projectOwner:{project}"]
    first = [
        {"role": "roles/storage.legacyBucketOwner", "members": owners},
        {"role": "roles/storage.legacyBucketReader", "members": [f"projectViewer:{project}"]},
    ]
    return {
        "kind": "storage#policy",
        "resourceId": f"projects/_/buckets/{bucket.name}",
        "version": 1,
        "etag": etag_of(None, bucket.metageneration),
        **(bucket.attributes.get(POLICY) or {"bindings": first}),
    }


async def set_policy(ask: Ask) -> Reply:
    """Keep a policy. It is shown, not enforced."""
    bucket = ask.bucket()
    etag = ask.body.get("etag")
    if etag and etag != etag_of(None, bucket.metageneration):
        raise StorageError(412, "conditionNotMet", "Precondition Failed", location="If-Match")
    bindings = ask.body.get("bindings", [])
    if not isinstance(bindings, list) or not all(isinstance(b, dict) for b in bindings):
        raise bad_value("Invalid value for field 'bindings'.", "bindings")
    kept = {"bindings": bindings}
    if ask.body.get("version") is not None:
        kept["version"] = ask.body["version"]
    attributes = {**bucket.attributes, POLICY: kept}
    changed = await off_loop(lambda: ask.store.create_bucket(bucket.name, attributes))
    return Reply(_policy(ask, changed))


async def test_permissions(ask: Ask) -> Reply:
    """Which of the permissions the caller has: all."""
    ask.bucket()
    pairs = parse_qsl(split_target(ask.http.head.target)[1])
    found = [value for name, value in pairs if name == "permissions"]
    if not found:
        raise required("permissions")
    return Reply({"kind": "storage#testIamPermissionsResponse", "permissions": found})
