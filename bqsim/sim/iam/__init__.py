"""Who may do what: roles, policies, decisions and the texts of refusals. Pure; the gate calls it."""

from __future__ import annotations

from .control import Iam
from .denial import Denied, Wording, denial
from .gate import Enforcement, Member
from .methods import FILTERED, METHOD_NEEDS, JobFacts, authorize, deny
from .model import Binding, DenyRule, Principal
from .policy import Decision, Policy
from .roles import PERMISSIONS, ROLES
from .statements import STATEMENT_NEEDS, authorize_statement
from .unauthenticated import Cause, Unauthenticated

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
    "denial",
    "deny",
]
