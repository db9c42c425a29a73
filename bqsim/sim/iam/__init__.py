"""Who may do what: roles, policies, decisions and the texts of refusals. Pure; the gate calls it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bqsim.sim.lazily import exports

if TYPE_CHECKING:
    from .control import Iam
    from .denial import Denied, Wording
    from .gate import Enforcement, Member
    from .methods import FILTERED, METHOD_NEEDS, JobFacts, authorize, deny
    from .model import Binding, DenyRule, Principal
    from .policy import Decision, Policy
    from .roles import PERMISSIONS, ROLES
    from .statements import STATEMENT_NEEDS, authorize_statement
    from .unauthenticated import Cause, Unauthenticated

__getattr__ = exports(
    __name__,
    {
        "control": "Iam",
        "denial": "Denied Wording",
        "gate": "Enforcement Member",
        "methods": "FILTERED METHOD_NEEDS JobFacts authorize deny",
        "model": "Binding DenyRule Principal",
        "policy": "Decision Policy",
        "roles": "PERMISSIONS ROLES",
        "statements": "STATEMENT_NEEDS authorize_statement",
        "unauthenticated": "Cause Unauthenticated",
    },
)

__all__ = [
    "FILTERED",
    "METHOD_NEEDS",
    "PERMISSIONS",
    "ROLES",
    "STATEMENT_NEEDS",
    "Binding",
    "Cause",
    "Decision",
    "Denied",
    "DenyRule",
    "Enforcement",
    "Iam",
    "JobFacts",
    "Member",
    "Policy",
    "Principal",
    "Unauthenticated",
    "Wording",
    "authorize",
    "authorize_statement",
    "deny",
]
