"""From the section ``iam`` of a scenario to the policy that it describes."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

from bqsim.sim.scenario.access import IamSetup

from .load import load
from .model import Binding, DenyRule
from .policy import Policy
from .roles import PERMISSIONS


def policy_of(setup: IamSetup, source: str = "scenario") -> Policy | None:
    """The policy of a setup; None when it describes none. Raises ``PolicyError`` for a file."""
    if setup.policy is not None:
        return load(Path(setup.policy))
    if not setup.is_inline:
        return None
    roles = {
        name: frozenset(p for p in PERMISSIONS if any(fnmatchcase(p, glob) for glob in globs))
        for name, globs in setup.roles.items()
    }
    bindings = [
        Binding(one.role, one.members, resource, source)
        for one in setup.bindings
        for resource in one.resource
    ]
    deny = [
        DenyRule(
            one.permissions,
            one.principals,
            one.except_permissions,
            one.except_principals,
            resource,
            source,
        )
        for one in setup.deny
        for resource in one.resource
    ]
    return Policy(bindings, deny, groups=setup.groups, roles=roles)
