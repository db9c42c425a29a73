"""The names that rules may use: API methods, quotas and limits."""

from __future__ import annotations

from functools import cache

from bqsim.sim.scenario.load import Known


def api_methods() -> frozenset[str]:
    """The ids of all API methods that a rule can match."""
    from bqsim.server.gcs.methods import METHODS as STORAGE
    from bqsim.server.grpc.methods import METHODS as GRPC
    from bqsim.server.rest.methods import METHODS as REST

    rest = frozenset(method.id for method in REST) | frozenset(method.id for method in STORAGE)
    return rest | frozenset(method.id for method in GRPC)


def limit_names() -> tuple[str, ...]:
    """The names of all quotas and limits, of whatever profile."""
    from bqsim.sim.limits.profile import PROFILES

    return tuple(dict.fromkeys(limit.name for limits in PROFILES.values() for limit in limits))


@cache
def known() -> Known:
    """All of them."""
    return Known(api_methods(), limit_names())
