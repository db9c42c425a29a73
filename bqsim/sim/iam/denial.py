"""What a caller without a permission is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from bqsim.errors import BigQueryError

from .resources import TITLES, parse


class Wording(Enum):
    """The services word denials differently: the API, a query's use of data, and both Storage APIs."""

    API = "api"
    QUERY = "query"
    READ = "read"
    WRITE = "write"


_DENIED_ON = "Permission {permission} denied on {kind} {name} (or it may not exist)."
_LACKS_IN = "User does not have {permission} permission in {kind} {name}."
_LACKS_FOR = "User does not have {permission} permission for {kind} {name}."
# Kind of the resource -> text of the API. Facts, section 2.3.
_API: Mapping[str, str] = {
    "project": _LACKS_IN,
    "job": _LACKS_FOR,
    "connection": _LACKS_FOR,
    # The service ends this one without a full stop.
    "reservation": _DENIED_ON[:-1],
}
_QUERY_TABLE = "User does not have permission to query table {name}, or perhaps it does not exist{where}."
_NOWHERE = "The caller does not have permission"
_READ = "request failed: the user does not have '{permission}' permission for '{path}'"
_WRITE = "Permission '{constant}' denied on resource '{path}' (or it may not exist)."


@dataclass(frozen=True, slots=True)
class Denied:
    """A refusal: ``reason`` is a key of ``REASONS``, ``message`` the service's text, ``why`` ours."""

    message: str
    permission: str
    resource: str
    reason: str = "accessDenied"
    why: str = ""

    def error(self) -> BigQueryError:
        """To raise: 403 ``accessDenied``, gRPC PERMISSION_DENIED."""
        return BigQueryError(self.reason, self.message)

    def because(self, why: str) -> Denied:
        return replace(self, why=why)


def denial(
    permission: str, resource: str, wording: Wording = Wording.API, *, name: str = "", location: str = ""
) -> Denied:
    """The refusal of a permission on the resource at a path.

    ``name`` replaces the name that follows from the path; ``location`` is added where the text of queries
    has one.
    """
    found = parse(resource)
    # A row access policy's permissions are those of its table.
    if found.kind in ("rowAccessPolicy", "session"):
        found = parse(found.up_to("tables") or found.up_to("projects"))
    if not found.kind:
        return Denied(_NOWHERE, permission, resource)
    if wording is Wording.READ:
        return Denied(_READ.format(permission=permission, path=found.path), permission, resource)
    if wording is Wording.WRITE:
        text = _WRITE.format(constant=_constant(permission), path=found.path)
        return Denied(text, permission, resource)
    template = _API.get(found.kind, _DENIED_ON)
    if wording is Wording.QUERY and found.kind == "table" and permission == "bigquery.tables.getData":
        template = _QUERY_TABLE
    name = name or found.name
    text = template.format(
        permission=permission,
        kind=found.kind,
        name=name,
        where=f" in location {location}" if location else "",
    )
    title = TITLES.get(found.kind)
    return Denied(f"Access Denied: {title} {name}: {text}" if title else text, permission, resource)


def _constant(permission: str) -> str:
    """``bigquery.tables.updateData`` → ``TABLES_UPDATE_DATA``, as the Storage Write API spells it."""
    words = permission.removeprefix("bigquery.").replace(".", "_")
    return "".join(f"_{c}" if c.isupper() else c.upper() for c in words)
