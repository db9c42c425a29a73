"""The methods of the JSON API: ids, paths, and what answers them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from bqsim.server.rest.request import decode_segment

# Handlers by name, so that the ids are known without them.
_B, _O, _X = "b/{bucket}", "b/{bucket}/o/{object}", "{destinationBucket}/o/{destinationObject}"


@dataclass(frozen=True, slots=True)
class Method:
    """An API method: ``handler`` is ``module.function``, none for what is refused by name."""

    id: str
    verb: str
    path: str
    handler: str = ""


def _collection(id_: str, path: str, item: str, module: str, verbs: Mapping[str, str]) -> tuple[Method, ...]:
    """The methods of a collection below ``path`` by name, with what answers each."""
    paths = {"list": path, "insert": path}
    return tuple(
        Method(f"{id_}.{name}", _VERBS[name], paths.get(name, f"{path}/{{{item}}}"), f"{module}.{handler}")
        for name, handler in verbs.items()
    )


_VERBS = {
    "list": "GET",
    "insert": "POST",
    "get": "GET",
    "patch": "PATCH",
    "update": "PUT",
    "delete": "DELETE",
}
_SOME = {"list": "list_", "insert": "insert", "get": "get", "delete": "delete"}
_LISTS = {**_SOME, "patch": "change", "update": "change"}
_KEYS = {**_SOME, "update": "update"}
_KEY_PATH = "projects/{project}/hmacKeys"

METHODS: tuple[Method, ...] = (
    Method("storage.buckets.list", "GET", "b", "buckets.list_"),
    Method("storage.buckets.insert", "POST", "b", "buckets.insert"),
    Method("storage.buckets.get", "GET", _B, "buckets.get"),
    Method("storage.buckets.patch", "PATCH", _B, "buckets.patch"),
    Method("storage.buckets.update", "PUT", _B, "buckets.update"),
    Method("storage.buckets.delete", "DELETE", _B, "buckets.delete"),
    Method("storage.buckets.getIamPolicy", "GET", f"{_B}/iam", "policies.get"),
    Method("storage.buckets.setIamPolicy", "PUT", f"{_B}/iam", "policies.set_"),
    Method(
        "storage.buckets.testIamPermissions", "GET", f"{_B}/iam/testPermissions", "policies.test_permissions"
    ),
    Method("storage.buckets.getStorageLayout", "GET", f"{_B}/storageLayout", "buckets.layout"),
    Method(
        "storage.buckets.lockRetentionPolicy", "POST", f"{_B}/lockRetentionPolicy", "buckets.lock_retention"
    ),
    Method("storage.buckets.relocate", "POST", f"{_B}/relocate"),
    Method("storage.buckets.restore", "POST", f"{_B}/restore"),
    Method("storage.objects.list", "GET", f"{_B}/o", "listing.list_"),
    Method("storage.objects.insert", "POST", f"{_B}/o", "insert"),
    Method("storage.objects.watchAll", "POST", f"{_B}/o/watch"),
    Method("storage.objects.bulkRestore", "POST", f"{_B}/o/bulkRestore"),
    Method("storage.objects.get", "GET", _O, "objects.get"),
    Method("storage.objects.patch", "PATCH", _O, "objects.patch"),
    Method("storage.objects.update", "PUT", _O, "objects.update"),
    Method("storage.objects.delete", "DELETE", _O, "objects.delete"),
    Method("storage.objects.compose", "POST", f"{_O}/compose", "rewriting.compose"),
    Method("storage.objects.copy", "POST", f"{_O}/copyTo/b/{_X}", "rewriting.copy"),
    Method("storage.objects.rewrite", "POST", f"{_O}/rewriteTo/b/{_X}", "rewriting.rewrite"),
    Method("storage.objects.move", "POST", f"{_O}/moveTo/o/{{destinationObject}}", "rewriting.move"),
    Method("storage.objects.restore", "POST", f"{_O}/restore", "soft_deleted.restore"),
    Method("storage.objects.getIamPolicy", "GET", f"{_O}/iam", "policies.get"),
    Method("storage.objects.setIamPolicy", "PUT", f"{_O}/iam", "policies.set_"),
    Method(
        "storage.objects.testIamPermissions", "GET", f"{_O}/iam/testPermissions", "policies.test_permissions"
    ),
    Method(
        "storage.projects.serviceAccount.get", "GET", "projects/{project}/serviceAccount", "service_account"
    ),
    *_collection("storage.bucketAccessControls", f"{_B}/acl", "entity", "acls", _LISTS),
    *_collection("storage.defaultObjectAccessControls", f"{_B}/defaultObjectAcl", "entity", "acls", _LISTS),
    *_collection("storage.objectAccessControls", f"{_O}/acl", "entity", "acls", _LISTS),
    *_collection(
        "storage.notifications", f"{_B}/notificationConfigs", "notification", "notifications", _SOME
    ),
    *_collection("storage.projects.hmacKeys", _KEY_PATH, "accessId", "hmac_keys", _KEYS),
)
# Collections that bqsim does not have, by the segment that names them: any method below is refused.
REFUSED: Mapping[str, str] = {
    "anywhereCaches": "storage.anywhereCaches",
    "folders": "storage.folders",
    "managedFolders": "storage.managedFolders",
    "channels": "storage.channels",
    "operations": "storage.operations",
}


@dataclass(frozen=True, slots=True)
class Match:
    """A routed call."""

    method: Method
    path: Mapping[str, str]


class NoMethod(Exception):
    """No method has this path; or, with ``verbs``, none of them has this HTTP verb.

    ``refused`` names a collection that bqsim does not have.
    """

    def __init__(self, verbs: tuple[str, ...] = (), refused: str = "") -> None:
        super().__init__()
        self.verbs = verbs
        self.refused = refused


_SEGMENTS = tuple((method, tuple(method.path.split("/"))) for method in METHODS)


@lru_cache(maxsize=4096)
def match(verb: str, path: str) -> Match:
    """The method of ``verb`` and the raw ``path`` below the API's root; else :class:`NoMethod`."""
    given = path.rstrip("/").split("/")
    verbs = []
    for method, segments in _SEGMENTS:
        if len(segments) != len(given):
            continue
        pairs = list(zip(segments, given, strict=True))
        if all(text if segment[0] == "{" else segment == text for segment, text in pairs):
            if method.verb != verb:
                verbs.append(method.verb)
                continue
            values = {s[1:-1]: decode_segment(text) for s, text in pairs if s[0] == "{"}
            return Match(method, values)
    # Objects may be called so: their names are the fourth segment.
    refused = next((REFUSED[s] for i, s in enumerate(given) if i in (0, 2, 4) and s in REFUSED), "")
    raise NoMethod(tuple(verbs), refused)
