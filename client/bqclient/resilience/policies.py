"""When a call is made again: policies, and the table from the service's reasons to them.

Waits follow the service level agreement: a second at least after the first failure, growing up to 32 s, with
jitter; streams connect again at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from bqclient import errors as e


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and after how many seconds a call is made again.

    ``retries``: attempts after the first. The n-th wait (from 0) lies between ``first_s * growth ** n`` and
    ``1 + jitter`` times that, and is never above ``longest_s``. ``at_once``: the first retry does not wait.
    """

    retries: int = 0
    first_s: float = 1.0
    growth: float = 2.0
    longest_s: float = 32.0
    jitter: float = 0.5
    at_once: bool = False

    def wait(self, number: int, fraction: float) -> float:
        """Seconds before retry ``number`` (from 0), for a random ``fraction`` of 0 to 1."""
        if self.at_once:
            if number == 0:
                return 0.0
            number -= 1
        least = min(self.first_s * self.growth**number, self.longest_s / (1 + self.jitter))
        return float(min(least * (1 + self.jitter * fraction), self.longest_s))


NEVER = RetryPolicy()

# Policies by name: what a setting may replace.
POLICIES: Mapping[str, RetryPolicy] = MappingProxyType(
    {
        "never": NEVER,
        "rate": RetryPolicy(retries=5),
        "backend": RetryPolicy(retries=3),
        "quota": RetryPolicy(retries=1, first_s=600.0, growth=1.0, longest_s=1200.0),
        "unavailable": RetryPolicy(retries=8, first_s=1.0, longest_s=32.0, at_once=True),
        "deadline": RetryPolicy(retries=3, first_s=4.0, longest_s=60.0),
        "connection": RetryPolicy(retries=4),
        "buffer": RetryPolicy(retries=2, first_s=60.0, growth=2.0, longest_s=300.0),
        "late": RetryPolicy(retries=5, first_s=1.0, longest_s=16.0),
        "new_job": RetryPolicy(retries=3),
        "commit": RetryPolicy(retries=5, first_s=0.1, growth=1.3, longest_s=60.0),
    }
)


@dataclass(frozen=True, slots=True)
class Rule:
    """What a reason means: the error that is raised, the policy by name, and what the service may have done.

    ``refused``: the service says so before it did anything, so that any call may be made again;
    ``ambiguous``: it may have done what was asked.
    """

    error: type[e.BigQueryError]
    policy: str = "never"
    refused: bool = False
    ambiguous: bool = False


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "accessDenied": Rule(e.AccessDeniedError),
        "attributeError": Rule(e.InvalidQueryError),
        "authError": Rule(e.UnauthenticatedError),
        "backendError": Rule(e.ServiceUnavailableError, "backend", ambiguous=True),
        "badGateway": Rule(e.ServiceUnavailableError, "backend", ambiguous=True),
        "badRequest": Rule(e.StreamingBufferError, "buffer", refused=True),
        "billingNotEnabled": Rule(e.AccessDeniedError),
        "billingTierLimitExceeded": Rule(e.ResourcesExceededError),
        "blocked": Rule(e.AccessDeniedError),
        "bytesBilledLimitExceeded": Rule(e.BytesBilledLimitError),
        "conditionNotMet": Rule(e.PreconditionFailedError),
        "duplicate": Rule(e.AlreadyExistsError),
        "internalError": Rule(e.ServiceUnavailableError, "backend", ambiguous=True),
        "invalid": Rule(e.BigQueryError),
        "invalidParameter": Rule(e.BigQueryError),
        "invalidQuery": Rule(e.InvalidQueryError),
        "invalidUser": Rule(e.UnauthenticatedError),
        # The same call would ask for the job that failed: whoever made it makes another, by "new_job".
        "jobBackendError": Rule(e.JobBackendError),
        "jobInternalError": Rule(e.JobBackendError),
        "jobRateLimitExceeded": Rule(e.JobBackendError),
        "notFound": Rule(e.NotFoundError),
        "notImplemented": Rule(e.BigQueryError),
        "parseError": Rule(e.BigQueryError),
        "quotaExceeded": Rule(e.QuotaExceededError, "quota", refused=True),
        "rateLimitExceeded": Rule(e.RateLimitError, "rate", refused=True),
        "required": Rule(e.BigQueryError),
        "resourceInUse": Rule(e.ResourceInUseError),
        "resourcesExceeded": Rule(e.ResourcesExceededError),
        "responseTooLarge": Rule(e.ResponseTooLargeError),
        "stopped": Rule(e.JobCancelledError),
        "tableUnavailable": Rule(e.ServiceUnavailableError, "backend", refused=True),
        "timeout": Rule(e.JobFailedError),
    }
)

# Answers without a reason, of proxies and front ends.
HTTP_RULES: Mapping[int, Rule] = MappingProxyType(
    {
        401: Rule(e.UnauthenticatedError),
        403: Rule(e.AccessDeniedError),
        404: Rule(e.NotFoundError),
        408: Rule(e.DeadlineExceededError, "deadline", ambiguous=True),
        409: Rule(e.AlreadyExistsError),
        412: Rule(e.PreconditionFailedError),
        429: Rule(e.RateLimitError, "rate", refused=True),
        500: Rule(e.ServiceUnavailableError, "backend", ambiguous=True),
        502: Rule(e.ServiceUnavailableError, "backend", ambiguous=True),
        503: Rule(e.ServiceUnavailableError, "backend", ambiguous=True),
        504: Rule(e.DeadlineExceededError, "deadline", ambiguous=True),
    }
)

STATUS_RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "ABORTED": Rule(e.ServiceUnavailableError, "backend", ambiguous=True),
        "ALREADY_EXISTS": Rule(e.AlreadyExistsError),
        "CANCELLED": Rule(e.ConnectionFailedError, "connection", ambiguous=True),
        "DEADLINE_EXCEEDED": Rule(e.DeadlineExceededError, "deadline", ambiguous=True),
        "INTERNAL": Rule(e.ServiceUnavailableError, "backend", ambiguous=True),
        "NOT_FOUND": Rule(e.NotFoundError),
        "OUT_OF_RANGE": Rule(e.OffsetError),
        "PERMISSION_DENIED": Rule(e.AccessDeniedError),
        "RESOURCE_EXHAUSTED": Rule(e.RateLimitError, "rate", refused=True),
        "UNAUTHENTICATED": Rule(e.UnauthenticatedError),
        "UNAVAILABLE": Rule(e.ServiceUnavailableError, "unavailable", ambiguous=True),
        "UNKNOWN": Rule(e.ServiceUnavailableError, "backend", ambiguous=True),
    }
)

# What one operation does with a reason otherwise than the rest: metadata of what is new may be late.
OPERATION_RULES: Mapping[tuple[str, str], Rule] = MappingProxyType(
    {
        ("tabledata.insertAll", "notFound"): Rule(e.NotFoundError, "late", refused=True),
    }
)

UNKNOWN = Rule(e.BigQueryError)
CONNECTION = Rule(e.ConnectionFailedError, "connection", ambiguous=True)
TIMED_OUT = Rule(e.DeadlineExceededError, "deadline", ambiguous=True)


def rule_of(operation: str, error: e.BigQueryError) -> Rule:
    """The rule for an error of an operation: by the service's reason, else by HTTP code or gRPC status."""
    if error.reason:
        found = OPERATION_RULES.get((operation, error.reason)) or RULES.get(error.reason)
        if found is not None:
            return found
    if error.code is not None and (of_code := HTTP_RULES.get(error.code)) is not None:
        return of_code
    if error.status is not None and (of_status := STATUS_RULES.get(error.status)) is not None:
        return of_status
    if isinstance(error, e.DeadlineExceededError):
        return TIMED_OUT
    if isinstance(error, e.ConnectionFailedError):
        return CONNECTION
    return UNKNOWN


@dataclass(frozen=True, slots=True)
class Resilience:
    """Settings of everything that keeps calls alive.

    ``policies`` replaces policies of :data:`POLICIES` by name. The circuit breaker opens after
    ``breaker_failures`` failures of an endpoint, lets one probe through after ``breaker_open_s`` seconds, and
    closes after ``breaker_successes``. ``calls_per_second`` is the rate limiter's (``None``: no limit) with
    ``burst`` calls at once. ``interactive_queries``: how many interactive queries run at a time.
    """

    policies: Mapping[str, RetryPolicy] = field(default_factory=dict)
    breaker: bool = True
    breaker_failures: int = 5
    breaker_successes: int = 2
    breaker_open_s: float = 60.0
    calls_per_second: float | None = None
    burst: int = 100
    interactive_queries: int = 100

    def policy(self, name: str) -> RetryPolicy:
        """The policy of that name."""
        return self.policies.get(name) or POLICIES[name]

    def without_retries(self) -> Resilience:
        """The same, where nothing is made again."""
        return replace(self, policies={name: replace(p, retries=0) for name, p in POLICIES.items()})
