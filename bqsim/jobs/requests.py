"""``jobs.query`` requests: the job configuration that they stand for, and repeated ones."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bqsim.errors import invalid
from bqsim.jobs.reading import boolean, int64

if TYPE_CHECKING:
    from bqsim.jobs.job import Job

# Page "Run a query": a requestId is remembered for 15 minutes and has at most 36 ASCII characters.
REQUEST_LIFE_US = 15 * 60 * 1_000_000
MAX_REQUEST_ID = 36
DEFAULT_TIMEOUT_MS = 10_000
# Discovery document: the service answers jobs.query by about then, whatever timeoutMs says.
MAX_TIMEOUT_MS = 200_000

# Members of a QueryRequest that belong to JobConfigurationQuery, and those that belong to JobConfiguration.
_QUERY_MEMBERS = (
    "query",
    "defaultDataset",
    "useLegacySql",
    "useQueryCache",
    "parameterMode",
    "queryParameters",
    "connectionProperties",
    "createSession",
    "maximumBytesBilled",
    "priority",
    "continuous",
    "destinationEncryptionConfiguration",
    "writeIncrementalResults",
)
_JOB_MEMBERS = ("labels", "dryRun", "jobTimeoutMs", "maxSlots", "reservation")
# Members that do not change what a request computes.
_UNIDENTIFYING = frozenset(
    {
        "requestId",
        "timeoutMs",
        "maxResults",
        "formatOptions",
        "queryResultsFormat",
        "arrowSerializationOptions",
        "kind",
    }
)


def configuration_of(request: Mapping[str, Any]) -> dict[str, Any]:
    """The ``JobConfiguration`` of a ``QueryRequest``."""
    configuration: dict[str, Any] = {
        "query": {k: request[k] for k in _QUERY_MEMBERS if request.get(k) is not None}
    }
    configuration.update((k, request[k]) for k in _JOB_MEMBERS if request.get(k) is not None)
    return configuration


def timeout_s(request: Mapping[str, Any]) -> float:
    """How long the request wants to wait for its job."""
    given = int64(request, "timeoutMs")
    return min(DEFAULT_TIMEOUT_MS if given is None else given, MAX_TIMEOUT_MS) / 1000


class Requests:
    """Jobs of requests that carry a ``requestId``: the same request again is answered by the same job."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str, str], tuple[str, Job]] = OrderedDict()

    def find(self, project: str, caller: str, request: Mapping[str, Any], now_us: int) -> Job | None:
        """The job of the same request, if it came within 15 minutes. Dry runs are never the same."""
        key = _key(project, caller, request)
        if key is None:
            return None
        while self._known:
            oldest, (_, job) = next(iter(self._known.items()))
            if job.timeline.created_us > now_us - REQUEST_LIFE_US:
                break
            del self._known[oldest]
        known = self._known.get(key)
        return known[1] if known is not None and known[0] == _text(request) else None

    def forget_since(self, time_us: int) -> None:
        """Forget the requests whose jobs were made after ``time_us``."""
        while self._known and next(reversed(self._known.values()))[1].timeline.created_us > time_us:
            self._known.popitem()

    def remember(self, project: str, caller: str, request: Mapping[str, Any], job: Job) -> None:
        key = _key(project, caller, request)
        if key is not None:
            self._known[key] = (_text(request), job)
            self._known.move_to_end(key)


def _key(project: str, caller: str, request: Mapping[str, Any]) -> tuple[str, str, str] | None:
    request_id = request.get("requestId")
    if not request_id or boolean(request, "dryRun", False):
        return None
    request_id = str(request_id)
    if len(request_id) > MAX_REQUEST_ID or not request_id.isascii():
        raise invalid(f"requestId must have at most {MAX_REQUEST_ID} ASCII characters", "requestId")
    return project, caller, request_id


def _text(request: Mapping[str, Any]) -> str:
    return repr(sorted((k, v) for k, v in request.items() if k not in _UNIDENTIFYING))
