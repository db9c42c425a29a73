"""Access control lists of buckets and objects, and the default ones of objects. They are kept and shown, not
enforced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bqsim.catalog import names
from bqsim.objects import Bucket, ObjectInfo
from bqsim.server.rest.reply import Reply

from .changing import change_bucket, change_object
from .conditions import check_metageneration
from .errors import StorageError, bad_value, required
from .objects import found_object
from .request import Ask, off_loop
from .resources import etag_of, link_of, project_of

Entries = list[dict[str, str]]
_ALL, _AUTHENTICATED = "allUsers", "allAuthenticatedUsers"
_TEAM = ("owners", "editors", "viewers")
# Predefined lists (page "Access control lists"): role by entity; those of the project by team.
PREDEFINED: Mapping[str, Mapping[str, str]] = {
    "private": {},
    "projectPrivate": {"owners": "OWNER", "editors": "OWNER", "viewers": "READER"},
    "authenticatedRead": {_AUTHENTICATED: "READER"},
    "publicRead": {_ALL: "READER"},
    "publicReadWrite": {_ALL: "WRITER"},
    "bucketOwnerRead": {"owners": "READER"},
    "bucketOwnerFullControl": {"owners": "OWNER"},
}
_NEW = "projectPrivate"
_ROLES = {"bucket": ("OWNER", "WRITER", "READER"), "object": ("OWNER", "READER")}
_UNIFORM = (
    "Cannot {verb} for {what} when uniform bucket-level access is enabled."
    " Read more at https://cloud.google.com/storage/docs/uniform-bucket-level-access"
)


@dataclass(frozen=True, slots=True)
class Collection:
    """Whose entries a collection has: ``attribute`` of a ``bucket`` or ``object``, as of a ``kind``."""

    kind: str
    attribute: str
    of_object: bool = False


COLLECTIONS: Mapping[str, Collection] = {
    "bucketAccessControls": Collection("bucket", "acl"),
    "defaultObjectAccessControls": Collection("object", "defaultObjectAcl"),
    "objectAccessControls": Collection("object", "acl", of_object=True),
}


def predefined(name: str, project: str, parameter: str) -> Entries:
    """The entries that a predefined list stands for. 400 for another name."""
    rules = PREDEFINED.get(name)
    if rules is None:
        raise bad_value(f"Invalid argument: {name[:100]}", parameter)
    number = names.project_number(project)
    return [
        {"entity": f"project-{entity}-{number}" if entity in _TEAM else entity, "role": role}
        for entity, role in rules.items()
    ]


def apply_predefined(
    query: Mapping[str, str], attributes: dict[str, Any], project: str, *parameters: tuple[str, str]
) -> dict[str, Any]:
    """``attributes`` with the lists that parameters (name, attribute) ask for. 400 for unknown ones."""
    for parameter, attribute in parameters:
        if query.get(parameter):
            attributes[attribute] = predefined(query[parameter], project, parameter)
    return attributes


def entries_of(ask: Ask, holder: Bucket | ObjectInfo, collection: Collection) -> Entries:
    """The entries that were set, or those of what is new."""
    given = holder.attributes.get(collection.attribute)
    bucket = holder if isinstance(holder, Bucket) else ask.bucket(holder.bucket)
    if given is None and isinstance(holder, ObjectInfo):
        given = bucket.attributes.get("defaultObjectAcl")
    if given is None:
        return predefined(_NEW, project_of(bucket, ask.core.settings.project), "")
    return [dict(entry) for entry in given]


def shown_entries(ask: Ask, holder: Bucket | ObjectInfo, name: str) -> list[dict[str, Any]]:
    """The resources of all entries of a collection."""
    collection = COLLECTIONS[name]
    return [_resource(ask, holder, collection, e) for e in entries_of(ask, holder, collection)]


def _resource(
    ask: Ask, holder: Bucket | ObjectInfo, collection: Collection, entry: Mapping[str, str]
) -> dict[str, Any]:
    entity = entry["entity"]
    body: dict[str, Any] = {"kind": f"storage#{collection.kind}AccessControl", **entry}
    kind, _, rest = entity.partition("-")
    if kind in ("user", "group") and "@" in rest:
        body["email"] = rest
    elif kind == "domain":
        body["domain"] = rest
    elif kind == "project":
        team, _, number = rest.partition("-")
        body["projectTeam"] = {"projectNumber": number, "team": team}
    if isinstance(holder, ObjectInfo):
        body["object"], body["generation"] = holder.name, str(holder.generation)
        body["bucket"] = holder.bucket
        body["id"] = f"{holder.bucket}/{holder.name}/{holder.generation}/{entity}"
        body["selfLink"] = f"{link_of(ask.base, holder.bucket, holder.name)}/acl/{entity}"
        body["etag"] = etag_of(holder.generation, holder.metageneration)
        return body
    body["etag"] = etag_of(None, holder.metageneration)
    if collection.attribute == "acl":
        body["bucket"], body["id"] = holder.name, f"{holder.name}/{entity}"
        body["selfLink"] = f"{link_of(ask.base, holder.name)}/acl/{entity}"
    return body


# Methods: the collection is that of the method's id.


def _asked(ask: Ask, *, writing: bool = False) -> tuple[Collection, Bucket | ObjectInfo]:
    collection = COLLECTIONS[ask.method.split(".")[1]]
    bucket = ask.bucket()
    holder = found_object(ask) if collection.of_object else bucket
    uniform = (bucket.attributes.get("iamConfiguration") or {}).get("uniformBucketLevelAccess") or {}
    if isinstance(uniform, dict) and uniform.get("enabled"):
        verb = "update access control" if writing else "get legacy ACL"
        what = "an object" if collection.of_object else "a bucket"
        raise StorageError(400, "invalid", _UNIFORM.format(verb=verb, what=what))
    if isinstance(holder, Bucket):
        check_metageneration(ask.query, holder.metageneration, reading=not writing)
    return collection, holder


async def list_(ask: Ask) -> Reply:
    """All entries."""
    collection, holder = _asked(ask)
    items = [_resource(ask, holder, collection, e) for e in entries_of(ask, holder, collection)]
    return Reply({"kind": f"storage#{collection.kind}AccessControls", "items": items})


async def get(ask: Ask) -> Reply:
    """One entry."""
    collection, holder = _asked(ask)
    return Reply(_resource(ask, holder, collection, _found(ask, entries_of(ask, holder, collection))))


async def insert(ask: Ask) -> Reply:
    """A new entry; it takes the place of one for the same entity."""
    entity = ask.body.get("entity")
    if not isinstance(entity, str) or not entity:
        raise required("entity")
    return await _put(ask, entity)


async def change(ask: Ask) -> Reply:
    """Give an entry another role: PATCH and PUT."""
    collection, holder = _asked(ask, writing=True)
    return await _put(ask, _found(ask, entries_of(ask, holder, collection))["entity"])


async def _put(ask: Ask, entity: str) -> Reply:
    collection, holder = _asked(ask, writing=True)
    [entry] = checked([{"entity": entity, "role": ask.body.get("role")}], _ROLES[collection.kind])
    others = [e for e in entries_of(ask, holder, collection) if e["entity"] != entity]
    changed = await _keep(ask, collection, holder, [*others, entry])
    return Reply(_resource(ask, changed, collection, entry))


async def delete(ask: Ask) -> Reply:
    """Take an entry away."""
    collection, holder = _asked(ask, writing=True)
    entries = entries_of(ask, holder, collection)
    gone = _found(ask, entries)
    await _keep(ask, collection, holder, [e for e in entries if e != gone])
    return Reply(None, 204)


def _found(ask: Ask, entries: Sequence[dict[str, str]]) -> dict[str, str]:
    for entry in entries:
        if entry["entity"] == ask.path["entity"]:
            return entry
    raise StorageError(404, "notFound", "The specified entity was not found.")


async def _keep(
    ask: Ask, collection: Collection, holder: Bucket | ObjectInfo, entries: Entries
) -> Bucket | ObjectInfo:
    def changed(before: dict[str, Any]) -> dict[str, Any]:
        return {**before, collection.attribute: entries}

    if isinstance(holder, Bucket):
        return await off_loop(lambda: change_bucket(ask, changed))
    return await off_loop(lambda: change_object(ask, changed))


def checked(given: Any, roles: Sequence[str]) -> Entries:
    """Entries as they are kept. 400 for others."""
    found: Entries = []
    for item in given if isinstance(given, list) else [None]:
        entity, role = (item.get("entity"), item.get("role")) if isinstance(item, dict) else (None, None)
        if not isinstance(entity, str) or not entity:
            raise bad_value("Invalid argument.", "entity")
        if role not in roles:
            raise bad_value(f"Invalid value for role: {str(role)[:40]}", "role")
        found.append({"entity": entity, "role": str(role)})
    return found


def checked_lists(attributes: dict[str, Any], *, of_object: bool) -> dict[str, Any]:
    """The attributes of a resource with their lists as they are kept. 400 for bad ones."""
    for collection in COLLECTIONS.values():
        if collection.of_object is of_object and attributes.get(collection.attribute) is not None:
            roles = _ROLES[collection.kind]
            attributes[collection.attribute] = checked(attributes[collection.attribute], roles)
    return attributes
