"""BigQuery's predefined roles and what they permit (page *BigQuery IAM roles and permissions*).

A role is a line of words ``collection:verb,verb``; ``bigquery.`` goes before each, ``*`` takes every verb of
:data:`COLLECTIONS`. Permissions of other services are left out, those on projects excepted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

PROJECT_PERMISSIONS = ("resourcemanager.projects.get", "resourcemanager.projects.list")

# Every permission that the simulator knows, by collection.
COLLECTIONS: Mapping[str, str] = {
    "bireservations": "get,update",
    "capacityCommitments": "create,delete,get,list,update",
    "config": "get,update",
    "connections": "create,delegate,delete,get,getIamPolicy,list,setIamPolicy,update,updateTag,use",
    "dataPolicies": ("attach,create,delete,get,getIamPolicy,list,maskedGet,maskedSet,setIamPolicy,update"),
    "datasets": (
        "create,createTagBinding,delete,deleteTagBinding,get,getIamPolicy,link,listEffectiveTags,"
        "listSharedDatasetUsage,listTagBindings,setIamPolicy,update,updateTag"
    ),
    "jobs": "create,createGlobalQuery,delete,get,list,listAll,listExecutionMetadata,update",
    "models": "create,delete,export,getData,getMetadata,list,updateData,updateMetadata,updateTag",
    "objectRefs": "read,write",
    "propertyGraphs": "create,delete,get,list,update",
    "readsessions": "create,getData,update",
    "reservationAssignments": "create,delete,list,search",
    "reservationGroups": "create,delete,get,list",
    "reservations": "create,delete,get,getIamPolicy,list,listFailoverDatasets,setIamPolicy,update,use",
    "routines": "create,delete,get,getIamPolicy,list,setIamPolicy,update,updateTag",
    "rowAccessPolicies": (
        "create,delete,get,getFilteredData,getIamPolicy,list,overrideTimeTravelRestrictions,setIamPolicy,"
        "update"
    ),
    "savedqueries": "create,delete,get,list,update",
    "tables": (
        "create,createIndex,createSnapshot,createTagBinding,delete,deleteIndex,deleteSnapshot,"
        "deleteTagBinding,export,get,getData,getIamPolicy,list,listEffectiveTags,listTagBindings,"
        "replicateData,restoreSnapshot,setCategory,setColumnDataPolicy,setIamPolicy,update,updateData,"
        "updateIndex,updateTag"
    ),
    "transfers": "get,update",
}

_READ_DATA = (
    "datasets:get,getIamPolicy models:export,getData,getMetadata,list routines:get,list "
    "tables:createSnapshot,export,get,getData,getIamPolicy,list "
)
_RESOURCE_VIEWER = (
    "bireservations:get capacityCommitments:get,list jobs:get,list,listAll,listExecutionMetadata "
    "reservationAssignments:list,search reservations:get,list "
)
_BASIC_VIEWER = (
    "bireservations:get capacityCommitments:get,list config:get connections:get,getIamPolicy,list,use "
    "dataPolicies:get,getIamPolicy,list datasets:get,getIamPolicy,listEffectiveTags,listTagBindings "
    "jobs:create,get,list,listExecutionMetadata models:export,getData,getMetadata,list readsessions:* "
    "reservationAssignments:list,search reservations:get,list,listFailoverDatasets routines:get,list "
    "rowAccessPolicies:getIamPolicy,list savedqueries:get,list "
    "tables:createSnapshot,getIamPolicy,listEffectiveTags,listTagBindings,replicateData transfers:get "
)

# Of these collections the administrator's role leaves out what shows masked data and filtered rows.
_ADMIN: Mapping[str, str] = {
    "dataPolicies": "attach,create,delete,get,getIamPolicy,list,setIamPolicy,update",
    "rowAccessPolicies": (
        "create,delete,get,getIamPolicy,list,overrideTimeTravelRestrictions,setIamPolicy,update"
    ),
}

# The basic roles hold no rights to tables: those come by the access lists of datasets (page *Basic roles*).
_ROLES: Mapping[str, str] = {
    "roles/bigquery.admin": " ".join(f"{name}:{_ADMIN.get(name, '*')}" for name in COLLECTIONS),
    "roles/bigquery.connectionAdmin": "connections:*",
    "roles/bigquery.connectionUser": "connections:get,getIamPolicy,list,use",
    "roles/bigquery.dataEditor": (
        "config:get datasets:create,get,getIamPolicy,updateTag models:* propertyGraphs:* "
        "routines:create,delete,get,list,update,updateTag "
        "tables:create,createIndex,createSnapshot,delete,deleteIndex,export,get,getData,getIamPolicy,list,"
        "replicateData,restoreSnapshot,update,updateData,updateIndex,updateTag"
    ),
    "roles/bigquery.dataOwner": (
        "config:get datasets:create,delete,get,getIamPolicy,link,listSharedDatasetUsage,setIamPolicy,update,"
        "updateTag models:* propertyGraphs:* routines:* "
        "rowAccessPolicies:create,delete,get,getIamPolicy,list,setIamPolicy,update "
        "tables:create,createIndex,createSnapshot,delete,deleteIndex,deleteSnapshot,export,get,getData,"
        "getIamPolicy,list,replicateData,restoreSnapshot,setCategory,setColumnDataPolicy,setIamPolicy,update,"
        "updateData,updateIndex,updateTag"
    ),
    "roles/bigquery.dataViewer": _READ_DATA,
    "roles/bigquery.filteredDataViewer": "rowAccessPolicies:getFilteredData",
    "roles/bigquery.jobUser": "config:get jobs:create",
    "roles/bigquery.metadataViewer": (
        "datasets:get,getIamPolicy models:getMetadata,list routines:get,list tables:get,getIamPolicy,list"
    ),
    "roles/bigquery.readSessionUser": "readsessions:*",
    "roles/bigquery.resourceAdmin": (
        "bireservations:* capacityCommitments:* jobs:get,list,listAll,listExecutionMetadata "
        "reservationAssignments:* reservations:create,delete,get,list,update,use"
    ),
    "roles/bigquery.resourceEditor": (
        _RESOURCE_VIEWER + "reservationAssignments:create,delete reservations:create,delete,update"
    ),
    "roles/bigquery.resourceViewer": _RESOURCE_VIEWER,
    "roles/bigquery.user": (
        "bireservations:get capacityCommitments:get,list config:get datasets:create,get,getIamPolicy "
        "jobs:create,list models:list readsessions:* reservationAssignments:list,search "
        "reservations:get,list,listFailoverDatasets routines:list savedqueries:get,list tables:list "
        "transfers:get"
    ),
    "roles/bigquerydatapolicy.maskedReader": "dataPolicies:maskedGet",
    "roles/viewer": _BASIC_VIEWER,
    "roles/editor": (
        _BASIC_VIEWER + "bireservations:* capacityCommitments:* config:update datasets:create "
        "reservationAssignments:* reservations:create,delete,update savedqueries:* transfers:update"
    ),
    "roles/owner": (
        _BASIC_VIEWER + "bireservations:* capacityCommitments:* config:* connections:* dataPolicies:create,"
        "delete,setIamPolicy,update datasets:create,delete,setIamPolicy,update,updateTag jobs:* "
        "reservationAssignments:* reservations:* rowAccessPolicies:create,delete,get,setIamPolicy,update "
        "savedqueries:* tables:setIamPolicy transfers:update"
    ),
}
_WITHOUT_PROJECTS = (
    "roles/bigquery.connectionAdmin",
    "roles/bigquery.connectionUser",
    "roles/bigquery.filteredDataViewer",
    "roles/bigquerydatapolicy.maskedReader",
)


def _permissions(line: str) -> Iterator[str]:
    for word in line.split():
        collection, _, verbs = word.partition(":")
        known = COLLECTIONS[collection]
        for verb in (known if verbs == "*" else verbs).split(","):
            yield f"bigquery.{collection}.{verb}"


PERMISSIONS: frozenset[str] = frozenset(_permissions(" ".join(f"{name}:*" for name in COLLECTIONS))) | {
    *PROJECT_PERMISSIONS
}

ROLES: Mapping[str, frozenset[str]] = {
    role: frozenset(_permissions(line)) | (set() if role in _WITHOUT_PROJECTS else {*PROJECT_PERMISSIONS})
    for role, line in _ROLES.items()
}

# Role of a dataset's access list -> predefined role (page *Basic roles for datasets*).
DATASET_ROLES: Mapping[str, str] = {
    "READER": "roles/bigquery.dataViewer",
    "WRITER": "roles/bigquery.dataEditor",
    "OWNER": "roles/bigquery.dataOwner",
}


def roles_with(permission: str) -> tuple[str, ...]:
    """The predefined roles that hold a permission, those with the fewest permissions first."""
    return tuple(
        sorted((r for r, held in ROLES.items() if permission in held), key=lambda r: (len(ROLES[r]), r))
    )
