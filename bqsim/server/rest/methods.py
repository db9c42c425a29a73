"""The methods of the BigQuery API v2: one table, read by the router and the discovery document.

It names what answers and does not import it: that takes the whole engine with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from .request import decode_segment


@dataclass(frozen=True, slots=True)
class Method:
    """One method: ``query`` are its own query parameters as ``name:type`` words like :mod:`.schemas`.

    ``request`` and ``response`` name messages. ``handler`` names the function of this package that answers
    (:mod:`.handlers` has them); without one the method is answered with 501.
    """

    id: str
    verb: str
    path: str
    query: str = ""
    request: str | None = None
    response: str | None = None
    handler: str = ""
    media: bool = False


_P = "projects/{projectId}"
_D = _P + "/datasets/{datasetId}"
_T = _D + "/tables/{tableId}"
_M = _D + "/models/{modelId}"
_R = _D + "/routines/{routineId}"
_A = _T + "/rowAccessPolicies/{policyId}"
_PAGE = "maxResults:uint32 pageToken"
_FORMAT = "formatOptions.useInt64Timestamp:bool formatOptions.timestampOutputFormat"

METHODS: tuple[Method, ...] = (
    Method("bigquery.datasets.delete", "DELETE", _D, "deleteContents:bool", handler="datasets.delete"),
    Method(
        "bigquery.datasets.get",
        "GET",
        _D,
        "datasetView accessPolicyVersion:int32",
        response="Dataset",
        handler="datasets.get",
    ),
    Method(
        "bigquery.datasets.insert",
        "POST",
        _P + "/datasets",
        "accessPolicyVersion:int32",
        "Dataset",
        "Dataset",
        "datasets.insert",
    ),
    Method(
        "bigquery.datasets.list",
        "GET",
        _P + "/datasets",
        _PAGE + " all:bool filter",
        response="DatasetList",
        handler="datasets.list_",
    ),
    Method(
        "bigquery.datasets.patch",
        "PATCH",
        _D,
        "updateMode accessPolicyVersion:int32",
        "Dataset",
        "Dataset",
        "datasets.patch",
    ),
    Method(
        "bigquery.datasets.undelete",
        "POST",
        _D + ":undelete",
        "",
        "UndeleteDatasetRequest",
        "Dataset",
        "datasets.undelete",
    ),
    Method(
        "bigquery.datasets.update",
        "PUT",
        _D,
        "updateMode accessPolicyVersion:int32",
        "Dataset",
        "Dataset",
        "datasets.update",
    ),
    Method(
        "bigquery.jobs.cancel",
        "POST",
        _P + "/jobs/{jobId}/cancel",
        "location",
        response="JobCancelResponse",
        handler="jobs.cancel",
    ),
    Method("bigquery.jobs.delete", "DELETE", _P + "/jobs/{jobId}/delete", "location", handler="jobs.delete"),
    Method("bigquery.jobs.get", "GET", _P + "/jobs/{jobId}", "location", response="Job", handler="jobs.get"),
    Method(
        "bigquery.jobs.getQueryResults",
        "GET",
        _P + "/queries/{jobId}",
        f"{_PAGE} startIndex:uint64 timeoutMs:uint32 location {_FORMAT}",
        response="GetQueryResultsResponse",
        handler="jobs.get_query_results",
    ),
    Method("bigquery.jobs.insert", "POST", _P + "/jobs", "", "Job", "Job", "jobs.insert", media=True),
    Method(
        "bigquery.jobs.list",
        "GET",
        _P + "/jobs",
        _PAGE + " allUsers:bool maxCreationTime:uint64 minCreationTime:uint64 parentJobId projection"
        " stateFilter:[]string",
        response="JobList",
        handler="jobs.list_",
    ),
    Method("bigquery.jobs.query", "POST", _P + "/queries", "", "QueryRequest", "QueryResponse", "jobs.query"),
    Method("bigquery.models.delete", "DELETE", _M, handler="models.delete"),
    Method("bigquery.models.get", "GET", _M, response="Model", handler="models.get"),
    Method(
        "bigquery.models.list",
        "GET",
        _D + "/models",
        _PAGE,
        response="ListModelsResponse",
        handler="models.list_",
    ),
    Method("bigquery.models.patch", "PATCH", _M, "", "Model", "Model", "models.patch"),
    Method(
        "bigquery.projects.getServiceAccount",
        "GET",
        _P + "/serviceAccount",
        response="GetServiceAccountResponse",
        handler="projects.get_service_account",
    ),
    Method(
        "bigquery.projects.list",
        "GET",
        "projects",
        _PAGE,
        response="ProjectList",
        handler="projects.list_",
    ),
    Method("bigquery.routines.delete", "DELETE", _R, handler="routines.delete"),
    Method("bigquery.routines.get", "GET", _R, "readMask", response="Routine", handler="routines.get"),
    Method(
        "bigquery.routines.getIamPolicy",
        "POST",
        _R + ":getIamPolicy",
        "",
        "GetIamPolicyRequest",
        "Policy",
        "iam.get_policy",
    ),
    Method("bigquery.routines.insert", "POST", _D + "/routines", "", "Routine", "Routine", "routines.insert"),
    Method(
        "bigquery.routines.list",
        "GET",
        _D + "/routines",
        _PAGE + " filter readMask",
        response="ListRoutinesResponse",
        handler="routines.list_",
    ),
    Method(
        "bigquery.routines.setIamPolicy",
        "POST",
        _R + ":setIamPolicy",
        "",
        "SetIamPolicyRequest",
        "Policy",
        "iam.set_policy",
    ),
    Method(
        "bigquery.routines.testIamPermissions",
        "POST",
        _R + ":testIamPermissions",
        "",
        "TestIamPermissionsRequest",
        "TestIamPermissionsResponse",
        "iam.test_permissions",
    ),
    Method("bigquery.routines.update", "PUT", _R, "", "Routine", "Routine", "routines.update"),
    Method(
        "bigquery.rowAccessPolicies.batchDelete",
        "POST",
        _T + "/rowAccessPolicies:batchDelete",
        "",
        "BatchDeleteRowAccessPoliciesRequest",
        handler="row_access_policies.batch_delete",
    ),
    Method(
        "bigquery.rowAccessPolicies.delete", "DELETE", _A, "force:bool", handler="row_access_policies.delete"
    ),
    Method(
        "bigquery.rowAccessPolicies.get",
        "GET",
        _A,
        response="RowAccessPolicy",
        handler="row_access_policies.get",
    ),
    Method(
        "bigquery.rowAccessPolicies.getIamPolicy",
        "POST",
        _A + ":getIamPolicy",
        "",
        "GetIamPolicyRequest",
        "Policy",
        "row_access_policies.get_policy",
    ),
    Method(
        "bigquery.rowAccessPolicies.insert",
        "POST",
        _T + "/rowAccessPolicies",
        "",
        "RowAccessPolicy",
        "RowAccessPolicy",
        "row_access_policies.insert",
    ),
    Method(
        "bigquery.rowAccessPolicies.list",
        "GET",
        _T + "/rowAccessPolicies",
        "pageSize:int32 pageToken",
        response="ListRowAccessPoliciesResponse",
        handler="row_access_policies.list_",
    ),
    Method(
        "bigquery.rowAccessPolicies.testIamPermissions",
        "POST",
        _A + ":testIamPermissions",
        "",
        "TestIamPermissionsRequest",
        "TestIamPermissionsResponse",
        "row_access_policies.test_permissions",
    ),
    Method(
        "bigquery.rowAccessPolicies.update",
        "PUT",
        _A,
        "",
        "RowAccessPolicy",
        "RowAccessPolicy",
        "row_access_policies.update",
    ),
    Method(
        "bigquery.tabledata.insertAll",
        "POST",
        _T + "/insertAll",
        "",
        "TableDataInsertAllRequest",
        "TableDataInsertAllResponse",
        "tabledata.insert_all",
    ),
    Method(
        "bigquery.tabledata.list",
        "GET",
        _T + "/data",
        f"{_PAGE} startIndex:uint64 selectedFields {_FORMAT}",
        response="TableDataList",
        handler="tabledata.list_",
    ),
    Method("bigquery.tables.delete", "DELETE", _T, handler="tables.delete"),
    Method("bigquery.tables.get", "GET", _T, "selectedFields view", response="Table", handler="tables.get"),
    Method(
        "bigquery.tables.getIamPolicy",
        "POST",
        _T + ":getIamPolicy",
        "",
        "GetIamPolicyRequest",
        "Policy",
        "iam.get_policy",
    ),
    Method("bigquery.tables.insert", "POST", _D + "/tables", "", "Table", "Table", "tables.insert"),
    Method(
        "bigquery.tables.list", "GET", _D + "/tables", _PAGE, response="TableList", handler="tables.list_"
    ),
    Method("bigquery.tables.patch", "PATCH", _T, "autodetect_schema:bool", "Table", "Table", "tables.patch"),
    Method(
        "bigquery.tables.setIamPolicy",
        "POST",
        _T + ":setIamPolicy",
        "",
        "SetIamPolicyRequest",
        "Policy",
        "iam.set_policy",
    ),
    Method(
        "bigquery.tables.testIamPermissions",
        "POST",
        _T + ":testIamPermissions",
        "",
        "TestIamPermissionsRequest",
        "TestIamPermissionsResponse",
        "iam.test_permissions",
    ),
    Method("bigquery.tables.update", "PUT", _T, "autodetect_schema:bool", "Table", "Table", "tables.update"),
)


@dataclass(slots=True)
class _Node:
    """A place in the tree of paths: what follows, and the methods here by (custom verb, HTTP verb)."""

    fixed: dict[str, _Node] = field(default_factory=dict)
    variable: _Node | None = None
    methods: dict[tuple[str, str], Method] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Match:
    """A routed call; ``resource`` is the path below ``/bigquery/v2`` without a custom verb."""

    method: Method
    path: Mapping[str, str]
    resource: str


class NoMethod(Exception):
    """No method has this path; or, with ``verbs``, none of them has this HTTP verb."""

    def __init__(self, verbs: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.verbs = verbs


def _variables(path: str) -> tuple[str, ...]:
    return tuple(part.partition("}")[0] for part in path.split("{")[1:])


def _tree() -> _Node:
    root = _Node()
    for method in METHODS:
        path, _, custom = method.path.partition(":")
        node = root
        for segment in path.split("/"):
            if segment.startswith("{"):
                node.variable = node.variable or _Node()
                node = node.variable
            else:
                node = node.fixed.setdefault(segment, _Node())
        node.methods[custom, method.verb] = method
    return root


_ROOT = _tree()


def _walk(segments: list[str]) -> tuple[_Node, list[str]] | None:
    node = _ROOT
    values = []
    for segment in segments:
        following = node.fixed.get(segment)
        if following is None:
            if node.variable is None or not segment:
                return None
            following = node.variable
            values.append(segment)
        node = following
    return node, values


@lru_cache(maxsize=2048)
def match(verb: str, path: str) -> Match:
    """The method of ``verb`` and the raw ``path`` below the service's root; else :class:`NoMethod`."""
    stem, colon, custom = path.rpartition(":")
    found = _walk(stem.split("/")) if colon and "/" not in custom else None
    if found is None or not any(c == custom for c, _ in found[0].methods):
        found, custom, stem = _walk(path.split("/")), "", path
    if found is None:
        raise NoMethod
    node, values = found
    method = node.methods.get((custom, verb))
    if method is None:
        raise NoMethod(tuple(v for c, v in node.methods if c == custom))
    names = _variables(method.path)
    return Match(method, {n: decode_segment(v) for n, v in zip(names, values, strict=True)}, stem)
