"""The check of calls at the gate, and the lists that show what a caller may see."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from bqsim.sim.gate import Call, current

from .denial import Denied
from .methods import METHOD_NEEDS, FindJob, authorize, no_jobs
from .policy import Policy

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Member:
    """A principal: e-mail and groups."""

    email: str
    groups: tuple[str, ...] = ()


class Enforcement:
    """Refuses calls that a policy does not allow. ``find_job`` tells whose job a path is."""

    def __init__(self, policy: Policy, find_job: FindJob = no_jobs) -> None:
        self.policy = policy
        self._find_job = find_job

    def check(self, call: Call) -> None:
        """Raises the denial of a call: ``BigQueryError``, 403 ``accessDenied``, PERMISSION_DENIED."""
        denied = self.denied(call)
        if denied is not None:
            call.notes["denied"] = denied.why
            raise denied.error()

    def denied(self, call: Call) -> Denied | None:
        """The denial of a call with its explanation; None when it is allowed, or needs no permission."""
        if not METHOD_NEEDS.get(call.method):
            return None
        return authorize(self.policy, Member(call.caller, call.groups), call, self._find_job)


def calling_groups() -> tuple[str, ...]:
    """The groups of the caller of the call that is being served; none outside of calls."""
    call = current()
    return call.groups if call is not None else ()


def visible(
    policy: Policy | None, caller: Member, permission: str, items: Iterable[T], path_of: Callable[[T], str]
) -> list[T]:
    """Those of the items of a list that a caller may see; all of them without a policy."""
    if policy is None:
        return list(items)
    return [item for item in items if policy.decide(caller, permission, path_of(item)).allowed]
