"""IAM policies of buckets and objects: kept and shown, not enforced."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from bqsim.objects import Bucket, ObjectInfo
from bqsim.server.rest.reply import Reply
from bqsim.server.rest.request import split_target

from .changing import change_bucket, change_object
from .errors import StorageError, bad_value, required
from .objects import found_object
from .request import Ask, off_loop
from .resources import POLICY, etag_of, project_of


def _holder(ask: Ask) -> Bucket | ObjectInfo:
    return found_object(ask) if "object" in ask.path else ask.bucket()


def _etag(holder: Bucket | ObjectInfo) -> str:
    return etag_of(holder.generation if isinstance(holder, ObjectInfo) else None, holder.metageneration)


async def get(ask: Ask) -> Reply:
    """The policy: what has been set, or that of what is new."""
    return Reply(_policy(ask, _holder(ask)))


def _policy(ask: Ask, holder: Bucket | ObjectInfo) -> dict[str, Any]:
    kind, resource = "Bucket", f"projects/_/buckets/{holder.name}"
    if isinstance(holder, ObjectInfo):
        kind, resource = "Object", f"projects/_/buckets/{holder.bucket}/objects/{holder.name}"
    project = project_of(ask.bucket(), ask.core.settings.project)
    owners = [f"projectEditor:{project}", f"projectOwner:{project}"]
    first = [
        {"role": f"roles/storage.legacy{kind}Owner", "members": owners},
        {"role": f"roles/storage.legacy{kind}Reader", "members": [f"projectViewer:{project}"]},
    ]
    return {
        "kind": "storage#policy",
        "resourceId": resource,
        "version": 1,
        "etag": _etag(holder),
        **(holder.attributes.get(POLICY) or {"bindings": first}),
    }


async def set_(ask: Ask) -> Reply:
    """Keep a policy."""
    etag = ask.body.get("etag")
    holder = _holder(ask)
    if etag and etag != _etag(holder):
        raise StorageError(412, "conditionNotMet", "Precondition Failed", location="If-Match")
    bindings = ask.body.get("bindings", [])
    if not isinstance(bindings, list) or not all(isinstance(b, dict) for b in bindings):
        raise bad_value("Invalid value for field 'bindings'.", "bindings")
    kept = {"bindings": bindings}
    if ask.body.get("version") is not None:
        kept["version"] = ask.body["version"]

    def changed(before: dict[str, Any]) -> dict[str, Any]:
        return {**before, POLICY: kept}

    change = change_object if isinstance(holder, ObjectInfo) else change_bucket
    return Reply(_policy(ask, await off_loop(lambda: change(ask, changed))))


async def test_permissions(ask: Ask) -> Reply:
    """Which of the permissions the caller has: all."""
    _holder(ask)
    pairs = parse_qsl(split_target(ask.http.head.target)[1])
    found = [value for name, value in pairs if name == "permissions"]
    if not found:
        raise required("permissions")
    return Reply({"kind": "storage#testIamPermissionsResponse", "permissions": found})
