"""Answers to appends: what each means for its append and for those behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bqclient import errors as e
from bqclient.resilience.policies import Rule
from bqclient.transport.rpc import METHOD_RULES, error_of_status
from bqclient.transport.status import Details, details_of

METHOD = "AppendRows"

# The codes of google.rpc.Status in their order.
_STATUSES = (
    *("OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS"),
    *("PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE"),
    *("UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"),
)
# Storage errors that pass.
_PASSING: Mapping[str, str] = {"KMS_SERVICE_ERROR": "backend"}
NEVER = Rule(e.StorageError)


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed append. ``rule`` says whether it may be sent again."""

    error: e.BigQueryError
    rule: Rule
    exists: bool = False
    beyond: bool = False
    rows: tuple[tuple[int, str], ...] = ()


def failure_of(answer: Any) -> Failure:
    """What the error in an answer is."""
    status = answer.error
    code = status.code
    name = _STATUSES[code] if 0 <= code < len(_STATUSES) else "UNKNOWN"
    found = details_of(status)
    rows = tuple((row.index, row.message) for row in answer.row_errors)
    if rows:
        text = f"{len(rows)} rows were refused, the first, row {rows[0][0]}: {rows[0][1]}"
        return Failure(e.RowsRefusedError(text, rows=rows, status=name), NEVER, rows=rows)
    error = error_of_status(METHOD, name, status.message or name, found)
    exists = found.kind == "OFFSET_ALREADY_EXISTS" or (name == "ALREADY_EXISTS" and not found.kind)
    beyond = found.kind == "OFFSET_OUT_OF_RANGE" or (name == "OUT_OF_RANGE" and not found.kind)
    if exists and not isinstance(error, e.OffsetError):
        error = e.OffsetError(error.message, status=name)
    return Failure(error, rule_of_append(name, found), exists, beyond)


def rule_of_append(status: str, found: Details | None = None) -> Rule:
    """When an append that ended so is sent again."""
    if found is not None and found.kind:
        policy = _PASSING.get(found.kind)
        return Rule(e.ServiceUnavailableError, policy, ambiguous=True) if policy else NEVER
    return METHOD_RULES[METHOD].get(status, NEVER)
