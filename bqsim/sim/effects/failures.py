"""The failures that effects stand for, as they are raised at the gate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bqsim.errors import BigQueryError, StorageFailure
from bqsim.sim.gate import Call
from bqsim.sim.scenario.model import BreakStream, Deny, Effect, Error, ExpireToken, GrpcStatus, Network

from .texts import job_text, request_text, status_text

if TYPE_CHECKING:
    from bqsim.sim.iam import Unauthenticated


class NetworkFault(Exception):
    """The connection suffers instead of an answer; whoever serves the connection carries it out.

    ``applied`` tells whether the work of the request has been done.
    """

    def __init__(self, effect: Network, *, applied: bool) -> None:
        super().__init__(f"network fault {effect.what}")
        self.effect = effect
        self.applied = applied


@dataclass(frozen=True, slots=True)
class _Caller:
    email: str
    groups: tuple[str, ...]


# Canonical status -> the reason, and the HTTP status where it is not the reason's own, of a REST call.
# ABORTED, DATA_LOSS and UNKNOWN are no reason's status; theirs are the nearest.
STATUS_REASONS: Mapping[str, tuple[str, int | None]] = {
    "CANCELLED": ("stopped", 499),
    "UNKNOWN": ("internalError", None),
    "INVALID_ARGUMENT": ("invalid", None),
    "DEADLINE_EXCEEDED": ("timeout", None),
    "NOT_FOUND": ("notFound", None),
    "ALREADY_EXISTS": ("duplicate", None),
    "PERMISSION_DENIED": ("accessDenied", None),
    "RESOURCE_EXHAUSTED": ("rateLimitExceeded", None),
    "FAILED_PRECONDITION": ("badRequest", None),
    "ABORTED": ("conditionNotMet", None),
    "OUT_OF_RANGE": ("responseTooLarge", None),
    "UNIMPLEMENTED": ("notImplemented", None),
    "INTERNAL": ("internalError", None),
    "UNAVAILABLE": ("backendError", None),
    "DATA_LOSS": ("internalError", None),
    "UNAUTHENTICATED": ("authError", None),
}

# Where the service says that it went wrong.
_LOCATIONS = {"invalidQuery": "query", "conditionNotMet": "If-Match"}

# Methods that create -> the reference in their body, its id, and the collection that the new one is in.
_CREATED = {
    "bigquery.datasets.insert": ("datasetReference", "datasetId", "datasets"),
    "bigquery.tables.insert": ("tableReference", "tableId", "tables"),
    "bigquery.routines.insert": ("routineReference", "routineId", "routines"),
    "bigquery.jobs.insert": ("jobReference", "jobId", "jobs"),
}


def failure(effect: Effect, call: Call) -> Exception:
    """What to raise for a call that an effect fails. TypeError for an effect that fails no call."""
    make = _FAILURES.get(type(effect))
    if make is None:
        raise TypeError(f"{type(effect).__name__} does not fail a call")
    return make(effect, call)


def about(call: Call) -> str:
    """The path of what a call is about; of one that creates something, that."""
    created = _CREATED.get(call.method)
    if created is None or not isinstance(call.body, Mapping):
        return call.resource
    key, field, collection = created
    reference = call.body.get(key)
    name = reference.get(field) if isinstance(reference, Mapping) else None
    if not isinstance(name, str) or not name:
        return call.resource
    return f"{call.resource.rstrip('/').removesuffix('/' + collection)}/{collection}/{name}"


def _error(effect: Error, call: Call) -> BigQueryError:
    message = effect.message
    if effect.reason == "authError" and effect.http is None and effect.location is None:
        from bqsim.sim.iam import Cause, Unauthenticated

        return Unauthenticated(Cause.INVALID, message=message)
    if message is None:
        message = _text(effect, call)
    return BigQueryError(
        effect.reason,
        message,
        location=effect.location or _LOCATIONS.get(effect.reason),
        http=effect.http,
        retry_after_s=effect.retry_after_s,
    )


def _text(effect: Error, call: Call) -> str:
    if effect.level == "job":
        return job_text(effect.reason, resource=about(call))
    from bqsim.sim.iam import METHOD_NEEDS, deny

    needs = METHOD_NEEDS.get(call.method, ())
    if effect.reason == "accessDenied" and needs:
        return deny(_caller(call), call, needs[0].permission).message
    return request_text(effect.reason, resource=about(call))


def _grpc(effect: GrpcStatus, call: Call) -> Exception:
    if call.transport == "grpc":
        return StorageFailure(
            effect.status,
            status_text(effect.status) if effect.message is None else effect.message,
            code=effect.storage_code,
            entity=effect.entity,
            retry_delay_s=effect.retry_delay_s,
        )
    reason, http = STATUS_REASONS[effect.status]
    return _error(Error(reason, effect.message, http=http, retry_after_s=effect.retry_delay_s), call)


def _broken(effect: BreakStream, call: Call) -> Exception:
    return _grpc(GrpcStatus(effect.status, effect.message, retry_delay_s=effect.retry_delay_s), call)


def _network(effect: Network, call: Call) -> NetworkFault:
    return NetworkFault(effect, applied=effect.applied)


def _expired(effect: ExpireToken, call: Call) -> Unauthenticated:
    from bqsim.sim.iam import Cause, Unauthenticated

    return Unauthenticated(Cause.EXPIRED, message=effect.message)


def _denied(effect: Deny, call: Call) -> BigQueryError:
    if effect.message is not None:
        return BigQueryError("accessDenied", effect.message)
    from bqsim.sim.iam import deny

    return deny(_caller(call), call, effect.permission).error()


def _caller(call: Call) -> _Caller:
    return _Caller(call.caller, call.groups)


_FAILURES: Mapping[type, Callable[[Any, Call], Exception]] = {
    Error: _error,
    GrpcStatus: _grpc,
    BreakStream: _broken,
    Network: _network,
    ExpireToken: _expired,
    Deny: _denied,
}
