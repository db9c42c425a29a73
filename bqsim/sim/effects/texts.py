"""The service's own texts: what a failure says when nobody words it."""

from __future__ import annotations

from collections.abc import Mapping

from bqsim.sim.iam.resources import TITLES, parse
from bqsim.sim.iam.unauthenticated import Cause

_QUOTAS = "For more information, see https://cloud.google.com/bigquery/docs/troubleshoot-quotas"
_TRANSIENT = (
    "This is usually caused by a transient issue. Retrying the job with back-off as described in the "
    "BigQuery SLA should solve the problem: https://cloud.google.com/bigquery/sla. If the error continues to "
    "occur please contact support at https://cloud.google.com/support. "
)
_INTERNAL = "An internal error occurred and the request could not be completed. "

# Reason -> text of a request. Facts, section 2.3, and texts that users report; of attributeError, blocked,
# invalidParameter and tableUnavailable no text is known, theirs are in our words.
REQUEST_TEXTS: Mapping[str, str] = {
    "accessDenied": "Access Denied: {what}: Permission denied on {kind} {name} (or it may not exist).",
    "attributeError": "AttributeError: 'NoneType' object has no attribute 'value'",
    "authError": Cause.INVALID.value[0],
    "backendError": "Error encountered during execution. Retrying may solve the problem.",
    "badGateway": "Bad Gateway",
    "badRequest": (
        "UPDATE or DELETE statement over table {table} would affect rows in the streaming buffer, which is "
        "not supported"
    ),
    "billingNotEnabled": (
        "Billing has not been enabled for this project. Enable billing at "
        "https://console.cloud.google.com/billing."
    ),
    "billingTierLimitExceeded": "Query exceeded resource limits for tier 100. Tier 101 or higher required.",
    "blocked": "Project {project} is temporarily blocked from this operation. Try again later.",
    "bytesBilledLimitExceeded": (
        "Query exceeded limit for bytes billed: {limit}. {needed} or higher required."
    ),
    "conditionNotMet": "Precondition check failed.",
    "duplicate": "Already Exists: {what}",
    "internalError": f"{_INTERNAL}Error: {{error}}",
    "invalid": "Request contains an invalid argument.",
    "invalidParameter": "Invalid value for parameter {parameter}.",
    "invalidQuery": "Syntax error: Unexpected end of statement at [1:1]",
    "invalidUser": "Authentication failure: User Id not found. Error code: INVALID_USERID",
    "jobBackendError": (
        "The job encountered an error during execution. Retrying the job may solve the problem."
    ),
    "jobInternalError": (
        "The job encountered an internal error during execution and was unable to complete successfully."
    ),
    "jobRateLimitExceeded": (
        f"Job exceeded rate limits: Your project_and_region exceeded quota for concurrent queries. {_QUOTAS}"
    ),
    "notFound": "Not found: {what}",
    "notImplemented": "Operation is not implemented, or supported, or enabled.",
    "notModified": "Not Modified",
    "parseError": "Parse Error",
    "proxyAuthenticationRequired": "Proxy Authentication Required",
    "quotaExceeded": (f"Quota exceeded: Your project exceeded quota for free query bytes scanned. {_QUOTAS}"),
    "rateLimitExceeded": (
        "Exceeded rate limits: too many api requests per user per method for this user_method. " + _QUOTAS
    ),
    "required": "Required parameter is missing",
    "requestTooLarge": "Request payload size exceeds the limit: {limit} bytes.",
    "resourceInUse": "{what} is still in use",
    "resourcesExceeded": (
        "Resources exceeded during query execution: The query could not be executed in the allotted memory. "
        "Peak usage: 125% of limit.\nTop memory consumer(s):\n"
        "  sort operations used for analytic OVER() clauses: 98%\n  other/unattributed: 2%\n"
    ),
    "responseTooLarge": (
        "Response too large to return. Consider specifying a destination table in your job configuration. "
        "For more details, see https://cloud.google.com/bigquery/troubleshooting-errors"
    ),
    "stopped": "Job execution was cancelled: User requested cancellation",
    "tableUnavailable": "{what} is temporarily unavailable. Retrying may solve the problem.",
    "timeout": (
        "Operation timed out after 6.0 hours. Consider reducing the amount of work performed by your "
        "operation so that it can complete within this limit."
    ),
}

# Of a job that fails, where it says something else than a request.
JOB_TEXTS: Mapping[str, str] = {
    **REQUEST_TEXTS,
    "accessDenied": (
        "Access Denied: {what}: User does not have permission to query {kind} {name}, or perhaps it does not "
        "exist."
    ),
    "authError": "Invalid Credentials",
    "internalError": f"{_INTERNAL}{_TRANSIENT}Error: {{error}}",
    "invalid": (
        "Error while reading data, error message: CSV processing encountered too many errors, giving up. "
        "Rows: 1; errors: 1; max bad: 0; error percent: 0"
    ),
    "notFound": "Not found: {what} was not found in location {location}",
    "quotaExceeded": (
        f"Quota exceeded: Your table exceeded quota for imports or query appends per table. {_QUOTAS}"
    ),
    "rateLimitExceeded": (
        f"Exceeded rate limits: too many table update operations for this table. {_QUOTAS}"
    ),
}

# Canonical status -> text of the services that speak gRPC.
STATUS_TEXTS: Mapping[str, str] = {
    "CANCELLED": "The operation was cancelled.",
    "UNKNOWN": "Unknown error.",
    "INVALID_ARGUMENT": "Request contains an invalid argument.",
    "DEADLINE_EXCEEDED": "Deadline expired before operation could complete.",
    "NOT_FOUND": "Requested entity was not found.",
    "ALREADY_EXISTS": "Requested entity already exists",
    "PERMISSION_DENIED": "The caller does not have permission",
    "RESOURCE_EXHAUSTED": "Resource has been exhausted (e.g. check quota).",
    "FAILED_PRECONDITION": "Precondition check failed.",
    "ABORTED": "The operation was aborted.",
    "OUT_OF_RANGE": "The value is out of the allowed range.",
    "UNIMPLEMENTED": "Operation is not implemented, or supported, or enabled.",
    "INTERNAL": "Internal error encountered.",
    "UNAVAILABLE": "The service is currently unavailable.",
    "DATA_LOSS": "Unrecoverable data loss or corruption.",
    "UNAUTHENTICATED": Cause.INVALID.value[0],
}

# What slots hold that nobody fills.
_NEUTRAL: Mapping[str, object] = {
    "project": "project",
    "location": "US",
    "parameter": "value",
    "limit": 10 * 1024 * 1024,
    "needed": 20 * 1024 * 1024,
    "error": 80038528,
}


def request_text(reason: str, *, resource: str = "", **slots: object) -> str:
    """What a request that fails for ``reason`` (of ``REASONS``) is told.

    ``resource`` is the path of what it is about. ``slots`` fill the rest or replace what follows from the
    path: ``project``, ``name``, ``kind``, ``what`` ("Table p:d.t"), ``table``, ``location``, ``limit``,
    ``needed``, ``parameter``, ``error``, and ``job``, a job's name, for a job without a path.
    """
    return _filled(REQUEST_TEXTS[reason], resource, slots)


def job_text(reason: str, *, resource: str = "", **slots: object) -> str:
    """As :func:`request_text`, of a job that ends with ``reason``; ``resource`` is what it works on."""
    return _filled(JOB_TEXTS[reason], resource, slots)


def status_text(status: str) -> str:
    """What a gRPC call that ends with a canonical status is told."""
    return STATUS_TEXTS[status]


def _filled(text: str, resource: str, slots: Mapping[str, object]) -> str:
    if "{" not in text:
        return text
    values = {**_NEUTRAL, **slots}
    found = parse(resource)
    if not found.kind:
        # A job is known by its name alone.
        kind, name = ("job", slots["job"]) if "job" in slots else ("project", values["project"])
    else:
        kind, name = found.kind, found.name
        values["project"] = slots.get("project", found.project)
    kind, name = str(values.get("kind", kind)), values.get("name", name)
    values.setdefault("table", str(name).replace(":", ".") if kind == "table" else f"{values['project']}.d.t")
    title = TITLES.get(kind)
    values.setdefault("what", f"{title} {name}" if title else str(name))
    return text.format_map({**values, "kind": kind, "name": name})
