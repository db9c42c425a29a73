"""What each API method needs: one row for each method id, and the check that the gate makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bqsim.sim.gate import Call
from bqsim.sim.methods import STORAGE

from .denial import Denied, Wording, denial
from .jobs import job_checks
from .model import Principal
from .needs import Checked, Need, full, needs, refused
from .policy import Policy
from .resources import is_anonymous, parse

# Method id -> needs. Pages *Required permissions* of each method; facts, section 21.
_METHODS: Mapping[str, str] = {
    "bigquery.datasets.delete": "datasets.delete@dataset",
    "bigquery.datasets.get": "datasets.get@dataset",
    "bigquery.datasets.insert": "datasets.create@project",
    "bigquery.datasets.list": "",
    "bigquery.datasets.patch": "datasets.update@dataset datasets.setIamPolicy@dataset?access",
    "bigquery.datasets.undelete": "datasets.create@project datasets.get@dataset",
    "bigquery.datasets.update": "datasets.update@dataset datasets.setIamPolicy@dataset?access",
    "bigquery.jobs.cancel": "jobs.update@job|creator",
    "bigquery.jobs.delete": "jobs.delete@job",
    "bigquery.jobs.get": "jobs.get@job|creator",
    "bigquery.jobs.getQueryResults": "jobs.get@job|creator:jobs.create tables.getData@destination",
    "bigquery.jobs.insert": "jobs.create@project",
    "bigquery.jobs.list": "jobs.list@project",
    "bigquery.jobs.query": "jobs.create@project",
    "bigquery.models.delete": "models.delete@model",
    "bigquery.models.get": "models.getMetadata@model",
    "bigquery.models.list": "models.list@dataset",
    "bigquery.models.patch": "models.updateMetadata@model",
    "bigquery.projects.getServiceAccount": "resourcemanager.projects.get@project",
    "bigquery.projects.list": "",
    "bigquery.routines.delete": "routines.delete@routine",
    "bigquery.routines.get": "routines.get@routine",
    "bigquery.routines.getIamPolicy": "routines.getIamPolicy@routine",
    "bigquery.routines.insert": "routines.create@dataset",
    "bigquery.routines.list": "routines.list@dataset",
    "bigquery.routines.setIamPolicy": "routines.setIamPolicy@routine",
    "bigquery.routines.testIamPermissions": "",
    "bigquery.routines.update": "routines.update@routine",
    "bigquery.rowAccessPolicies.batchDelete": "rowAccessPolicies.delete@table",
    "bigquery.rowAccessPolicies.delete": "rowAccessPolicies.delete@table",
    "bigquery.rowAccessPolicies.get": "rowAccessPolicies.get@table",
    "bigquery.rowAccessPolicies.getIamPolicy": "rowAccessPolicies.getIamPolicy@table",
    "bigquery.rowAccessPolicies.insert": (
        "rowAccessPolicies.create@table rowAccessPolicies.setIamPolicy@table tables.getData@table"
    ),
    "bigquery.rowAccessPolicies.list": "rowAccessPolicies.list@table",
    "bigquery.rowAccessPolicies.testIamPermissions": "",
    "bigquery.rowAccessPolicies.update": (
        "rowAccessPolicies.update@table rowAccessPolicies.setIamPolicy@table tables.getData@table"
    ),
    "bigquery.tabledata.insertAll": (
        "tables.updateData@table tables.get@table datasets.get@dataset tables.create@dataset?templateSuffix"
    ),
    "bigquery.tabledata.list": "tables.getData@table",
    "bigquery.tables.delete": "tables.delete@table",
    "bigquery.tables.get": "tables.get@table",
    "bigquery.tables.getIamPolicy": "tables.getIamPolicy@table",
    "bigquery.tables.insert": "tables.create@dataset",
    "bigquery.tables.list": "tables.list@dataset",
    "bigquery.tables.patch": "tables.update@table tables.get@table",
    "bigquery.tables.setIamPolicy": "tables.setIamPolicy@table",
    "bigquery.tables.testIamPermissions": "",
    "bigquery.tables.update": "tables.update@table tables.get@table",
    f"{STORAGE}BigQueryRead.CreateReadSession": "readsessions.create@parent tables.getData@table",
    f"{STORAGE}BigQueryRead.ReadRows": "readsessions.getData@project",
    f"{STORAGE}BigQueryRead.SplitReadStream": "readsessions.update@project",
    f"{STORAGE}BigQueryWrite.CreateWriteStream": "tables.updateData@table",
    f"{STORAGE}BigQueryWrite.AppendRows": "tables.updateData@table",
    f"{STORAGE}BigQueryWrite.GetWriteStream": "tables.get@table",
    f"{STORAGE}BigQueryWrite.FinalizeWriteStream": "tables.updateData@table",
    f"{STORAGE}BigQueryWrite.BatchCommitWriteStreams": "tables.updateData@table",
    f"{STORAGE}BigQueryWrite.FlushRows": "tables.updateData@table",
}

METHOD_NEEDS: Mapping[str, tuple[Need, ...]] = {method: needs(line) for method, line in _METHODS.items()}

# Lists that show only what the caller may see: method id -> the permission on each item.
FILTERED: Mapping[str, str] = {
    "bigquery.datasets.list": full("datasets.get"),
    "bigquery.projects.list": "resourcemanager.projects.get",
}

# Start of a method id -> how its refusals are worded.
_WORDINGS = {
    f"{STORAGE}BigQueryRead.": Wording.READ,
    f"{STORAGE}BigQueryWrite.": Wording.WRITE,
}


@dataclass(frozen=True, slots=True)
class JobFacts:
    """Of a job: its creator's e-mail, its name in texts (``p:US.id``) and the path of its results' table.

    ``destination`` is empty for a job without results; an anonymous table is its creator's.
    """

    creator: str
    name: str
    destination: str = ""


# The job at a path (``projects/p/jobs/j``); None when there is none.
FindJob = Callable[[str], JobFacts | None]


def no_jobs(path: str) -> JobFacts | None:
    return None


def authorize(policy: Policy, caller: Principal, call: Call, find_job: FindJob = no_jobs) -> Denied | None:
    """The refusal of a call at the gate; None when the caller may make it.

    What the statements of a query use is checked when they run, by :func:`.statements.authorize_statement`.
    A job that is not found is not checked either: the service answers that there is none.
    """
    if not METHOD_NEEDS.get(call.method):
        return None
    return refused(policy, caller, _checks(caller, call, find_job))


def deny(caller: Principal, call: Call, permission: str, find_job: FindJob = no_jobs) -> Denied:
    """The refusal of a call as if the caller lacked a permission, whatever a policy says.

    It is worded for the resource on which the method needs the permission; when it does not need it, for
    the one in the call's path that the permission is about, else for the project.
    """
    for check in _checks(caller, call, find_job):
        if check.permission == permission:
            return denial(permission, check.path, check.wording, name=check.name)
    resource = parse(call.resource)
    collection = permission.removeprefix("bigquery.").partition(".")[0]
    path = resource.up_to(collection) or resource.up_to("projects")
    return denial(permission, path, _wording(call.method))


def _checks(caller: Principal, call: Call, find_job: FindJob) -> list[Checked]:
    resource = parse(call.resource)
    project = resource.up_to("projects")
    wording = _wording(call.method)
    job = find_job(resource.path) if resource.kind == "job" else None
    checks = []
    for need in METHOD_NEEDS.get(call.method, ()):
        if need.given and _given(call.body, need.given) in (None, ""):
            continue
        if need.place in ("job", "destination"):
            checks += _job_checks(need, job, caller, resource.path, project)
        elif need.place == "parent":
            checks.append(Checked(need.permission, _given(call.body, "parent") or project, wording))
        elif path := resource.up_to(need.place + "s"):
            # Without a path the service says what the request lacks.
            checks.append(Checked(need.permission, path, wording))
    if call.method in ("bigquery.jobs.insert", "bigquery.jobs.query"):
        checks += job_checks(resource.project, call.body or {})
    return checks


def _wording(method: str) -> Wording:
    return next((w for start, w in _WORDINGS.items() if method.startswith(start)), Wording.API)


def _job_checks(
    need: Need, job: JobFacts | None, caller: Principal, path: str, project: str
) -> list[Checked]:
    if job is None:
        return []
    own = bool(caller.email) and job.creator.lower() == caller.email.lower()
    if need.place == "destination":
        result = parse(job.destination)
        mine = own and is_anonymous(result.part("datasets"))
        return [Checked(need.permission, result.path, Wording.QUERY)] if result.path and not mine else []
    if own and need.creator is not None:
        return [Checked(need.creator, project)] if need.creator else []
    return [Checked(need.permission, path, name=job.name)]


def _given(body: Any, name: str) -> Any:
    """A field of a JSON object or of a message; None when it has none."""
    return body.get(name) if isinstance(body, Mapping) else getattr(body, name, None)
