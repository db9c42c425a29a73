"""Buckets and objects as the JSON API shows them."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from bqsim.catalog import names
from bqsim.objects import Bucket, ObjectInfo, ObjectStore

from .errors import bad_value

# Attributes of objects that callers set: names and types.
OBJECT_FIELDS: Mapping[str, type] = {
    "acl": list,
    "cacheControl": str,
    "contentDisposition": str,
    "contentEncoding": str,
    "contentLanguage": str,
    "contentType": str,
    "contexts": dict,
    "customTime": str,
    "eventBasedHold": bool,
    "metadata": dict,
    "retention": dict,
    "storageClass": str,
    "temporaryHold": bool,
}
# Attributes of buckets that callers set.
BUCKET_FIELDS: Mapping[str, type] = {
    "acl": list,
    "autoclass": dict,
    "billing": dict,
    "cors": list,
    "customPlacementConfig": dict,
    "defaultEventBasedHold": bool,
    "defaultObjectAcl": list,
    "encryption": dict,
    "hierarchicalNamespace": dict,
    "iamConfiguration": dict,
    "ipFilter": dict,
    "labels": dict,
    "lifecycle": dict,
    "location": str,
    "logging": dict,
    "retentionPolicy": dict,
    "rpo": str,
    "softDeletePolicy": dict,
    "storageClass": str,
    "versioning": dict,
    "website": dict,
}
# Maps of texts, whose entries a patch changes one by one.
MAPS = ("metadata", "labels")
# Lists that only full projections show, in full.
ACLS = ("acl", "defaultObjectAcl")
# Attributes of buckets that are not shown: the project, and the policy.
PROJECT, POLICY = "%project", "%policy"
DEFAULT_TYPE = "application/octet-stream"
STANDARD = "STANDARD"
_MULTI_REGIONS = ("US", "EU", "ASIA")


def time_text(time_us: int) -> str:
    """A time as the API shows it, in milliseconds."""
    at = dt.datetime.fromtimestamp(time_us // 1000 / 1000, dt.UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time_us // 1000 % 1000:03d}Z"


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes((*out, value))


def etag_of(generation: int | None, metageneration: int) -> str:
    """The etag of an object, without ``generation`` of a bucket."""
    first = b"" if generation is None else b"\x08" + _varint(generation)
    tag = b"\x08" if generation is None else b"\x10"
    return base64.b64encode(first + tag + _varint(metageneration)).decode()


def xml_etag(hashes: Mapping[str, str], info: ObjectInfo) -> str:
    """The etag of an object in the XML API: its MD5 in hex where it shows one."""
    if "md5" in hashes:
        return base64.b64decode(hashes["md5"]).hex()
    return etag_of(info.generation, info.metageneration)


def link_of(base: str, bucket: str, name: str | None = None) -> str:
    """The ``selfLink`` of a bucket or an object."""
    link = f"{base}/storage/v1/b/{bucket}"
    return link if name is None else f"{link}/o/{quote(name, safe='')}"


def hashes_of(store: ObjectStore, info: ObjectInfo) -> dict[str, str]:
    """The checksums that an object shows: composed ones have no MD5."""
    known = info.hashes if "crc32c" in info.hashes else store.hashes(info)
    shown = ("crc32c",) if info.components else ("crc32c", "md5")
    return {name: known[name] for name in shown if name in known}


def object_json(store: ObjectStore, info: ObjectInfo, base: str) -> dict[str, Any]:
    """The resource of an object; ``base`` is the address of the server."""
    generation = str(info.generation)
    hashes = hashes_of(store, info)
    quoted = quote(info.name, safe="")
    download = f"{base}/download/storage/v1/b/{info.bucket}/o/{quoted}"
    body: dict[str, Any] = {
        "kind": "storage#object",
        "id": f"{info.bucket}/{info.name}/{generation}",
        "selfLink": link_of(base, info.bucket, info.name),
        "mediaLink": f"{download}?generation={generation}&alt=media",
        "name": info.name,
        "bucket": info.bucket,
        "generation": generation,
        "metageneration": str(info.metageneration),
        "storageClass": STANDARD,
        "size": str(info.size),
        "etag": etag_of(info.generation, info.metageneration),
        "timeCreated": time_text(info.created_us),
        "updated": time_text(info.updated_us),
        "timeStorageClassUpdated": time_text(info.created_us),
        "timeFinalized": time_text(info.created_us),
    }
    body |= _plain(info.attributes, OBJECT_FIELDS)
    if "md5" in hashes:
        body["md5Hash"] = hashes["md5"]
    if "crc32c" in hashes:
        body["crc32c"] = hashes["crc32c"]
    if info.components:
        body["componentCount"] = info.components
    if info.deleted_us is not None:
        body["timeDeleted"] = time_text(info.deleted_us)
    if info.soft_deleted_us is not None and info.hard_delete_us is not None:
        body["softDeleteTime"] = time_text(info.soft_deleted_us)
        body["hardDeleteTime"] = time_text(info.hard_delete_us)
    return body


def _plain(attributes: Mapping[str, Any], fields: Mapping[str, type]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if name in fields and name not in ACLS}


def project_of(bucket: Bucket, default: str) -> str:
    """The project of a bucket."""
    project = bucket.attributes.get(PROJECT)
    # What Google's client says when it knows of none.
    return project if project and project != "<none>" else default


def bucket_json(bucket: Bucket, base: str, default_project: str, default_location: str) -> dict[str, Any]:
    """The resource of a bucket."""
    location = bucket.attributes.get("location", default_location).upper()
    uniform = {"enabled": False}
    body: dict[str, Any] = {
        "kind": "storage#bucket",
        "id": bucket.name,
        "selfLink": link_of(base, bucket.name),
        "projectNumber": str(names.project_number(project_of(bucket, default_project))),
        "name": bucket.name,
        "timeCreated": time_text(bucket.created_us),
        "updated": time_text(bucket.updated_us or bucket.created_us),
        "metageneration": str(bucket.metageneration),
        "etag": etag_of(None, bucket.metageneration),
        "locationType": "multi-region" if location in _MULTI_REGIONS else "region",
        "storageClass": STANDARD,
        "iamConfiguration": {
            "bucketPolicyOnly": uniform,
            "uniformBucketLevelAccess": uniform,
            "publicAccessPrevention": "inherited",
        },
    }
    if location in _MULTI_REGIONS:
        body["rpo"] = "DEFAULT"
    given = _plain(bucket.attributes, BUCKET_FIELDS)
    if "iamConfiguration" in given:
        given["iamConfiguration"] = body["iamConfiguration"] | given["iamConfiguration"]
    return {**body, **given, "location": location}


def attributes_of(body: Mapping[str, Any], fields: Mapping[str, type]) -> dict[str, Any]:
    """The attributes that a resource sets, null ones too; 400 for values of other types."""
    found: dict[str, Any] = {}
    for name, kind in fields.items():
        if name not in body:
            continue
        value: Any = body[name]
        if value is not None and not isinstance(value, kind):
            raise bad_value(f"Invalid value for field '{name}'.", name)
        if name in MAPS and isinstance(value, dict):
            value = {key: _text(item, name) for key, item in value.items()}
        found[name] = value
    return found


def _text(value: Any, name: str) -> str | None:
    if isinstance(value, (dict, list)):
        raise bad_value(f"Invalid value for field '{name}'.", name)
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if value is None else str(value)


def without_nulls(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of a resource that is new."""
    found = {name: value for name, value in attributes.items() if value is not None}
    for name in MAPS:
        if name in found:
            found[name] = {key: value for key, value in found[name].items() if value is not None}
    return found


def patched(before: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes after a patch: null takes away."""
    found = {**before, **changes}
    for name in MAPS:
        if isinstance(changes.get(name), dict):
            found[name] = {**(before.get(name) or {}), **changes[name]}
    return without_nulls(found)
