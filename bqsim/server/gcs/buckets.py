"""``storage.buckets``."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from bqsim.errors import BigQueryError
from bqsim.objects import Bucket
from bqsim.objects.uris import is_bucket_name
from bqsim.server.rest.reply import Reply

from .acls import apply_predefined, checked_lists
from .changing import Changed, change_bucket, replaced
from .conditions import check_metageneration, number
from .errors import StorageError, bad_value, required
from .request import Ask, off_loop
from .resources import (
    BUCKET_FIELDS,
    PROJECT,
    attributes_of,
    bucket_json,
    patched,
    project_of,
    time_text,
    without_nulls,
)

# Page "Soft delete": how long a new bucket keeps what is deleted.
SOFT_DELETE_S = "604800"

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
    project = ask.query["project"]
    wanted = ask.core.settings.project if project == "<none>" else project
    attributes = without_nulls(_attributes(ask, wanted))
    if "softDeletePolicy" not in attributes:
        now = time_text(ask.core.clock.now_us())
        attributes["softDeletePolicy"] = {"retentionDurationSeconds": SOFT_DELETE_S, "effectiveTime": now}
    return ask.shown_bucket(await off_loop(lambda: create(ask, name, attributes, project)))


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
    changes = _attributes(ask)
    return await _change(ask, lambda before: patched(before, changes))


async def update(ask: Ask) -> Reply:
    """Replace all attributes."""
    return await _change(ask, replaced(without_nulls(_attributes(ask)), ("location",)))


def _attributes(ask: Ask, project: str | None = None) -> dict[str, Any]:
    """The attributes of the body and of the predefined lists that are asked for."""
    given = checked_lists(attributes_of(ask.body, BUCKET_FIELDS), of_object=False)
    return apply_predefined(
        ask.query,
        given,
        project or ask.project,
        ("predefinedAcl", "acl"),
        ("predefinedDefaultObjectAcl", "defaultObjectAcl"),
    )


async def _change(ask: Ask, changed: Changed) -> Reply:
    return ask.shown_bucket(await off_loop(lambda: change_bucket(ask, changed)))


async def lock_retention(ask: Ask) -> Reply:
    """Make a retention policy one that cannot be taken away."""
    if number(ask.query, "ifMetagenerationMatch") is None:
        raise required("ifMetagenerationMatch")

    def changed(before: dict[str, Any]) -> dict[str, Any]:
        policy = before.get("retentionPolicy")
        if not policy:
            raise bad_value("Bucket does not have a retention policy.")
        return {**before, "retentionPolicy": {**policy, "isLocked": True}}

    return await _change(ask, changed)


async def layout(ask: Ask) -> Reply:
    """How a bucket lies: its location, and whether it has folders."""
    bucket = ask.bucket()
    shown = bucket_json(bucket, ask.base, ask.core.settings.project, ask.core.settings.location)
    return Reply(
        {
            "kind": "storage#storageLayout",
            "bucket": bucket.name,
            "location": shown["location"],
            "locationType": shown["locationType"],
            "hierarchicalNamespace": bucket.attributes.get("hierarchicalNamespace") or {"enabled": False},
        }
    )


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
