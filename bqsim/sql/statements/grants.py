"""GRANT and REVOKE (page *Data control language*)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bqsim.catalog.resources import TableKind
from bqsim.errors import invalid_query, not_found, unsupported
from bqsim.sim.iam import grants
from bqsim.sim.iam.attached import KEY, default_access
from bqsim.sim.iam.model import BadMember
from bqsim.sim.iam.roles import ROLES
from bqsim.sql.googlesql import resolved
from bqsim.sql.plan import StatementResult

from . import names
from .base import Statement
from .tables import wrong_kind

_SCHEMAS = frozenset({"SCHEMA", "DATASET"})
# What a statement may be about -> the kinds that a table of that name may have.
_TABLES: Mapping[str, frozenset[TableKind]] = {
    "TABLE": frozenset({TableKind.TABLE, TableKind.SNAPSHOT, TableKind.EXTERNAL}),
    "VIEW": frozenset({TableKind.VIEW, TableKind.MATERIALIZED_VIEW}),
    "MATERIALIZED VIEW": frozenset({TableKind.MATERIALIZED_VIEW}),
    "EXTERNAL TABLE": frozenset({TableKind.EXTERNAL}),
}
_Changes = tuple[Callable[..., list[Mapping[str, Any]]], Callable[..., dict[str, Any]]]
_VERBS: Mapping[str, _Changes] = {
    "GRANT": (grants.granted_access, grants.granted_policy),
    "REVOKE": (grants.revoked_access, grants.revoked_policy),
}


def grant(statement: Statement) -> StatementResult:
    return _change(statement, "GRANT")


def revoke(statement: Statement) -> StatementResult:
    return _change(statement, "REVOKE")


def object_kind(node: Any) -> str:
    """What a GRANT or REVOKE statement is about: ``SCHEMA``, ``EXTERNAL TABLE`` …"""
    return " ".join(resolved.get(node, "object_type_list")).upper()


def _change(statement: Statement, verb: str) -> StatementResult:
    node = statement.node
    kind = object_kind(node)
    if kind not in _SCHEMAS and kind not in _TABLES:
        raise unsupported(f"{verb} ON {kind or 'an object without a type'}")
    roles = _roles(statement, resolved.get(node, "privilege_list"))
    grantees = _grantees(statement, resolved.get(node, "grantee_expr_list"))
    if kind in _SCHEMAS:
        return _on_dataset(statement, verb, roles, grantees)
    return _on_table(statement, verb, kind, roles, grantees)


def _on_dataset(
    statement: Statement, verb: str, roles: Sequence[str], grantees: Sequence[str]
) -> StatementResult:
    ref = names.dataset_ref(resolved.get(statement.node, "name_path"), statement.ctx)
    catalog = statement.catalog
    with catalog.lock(ref):
        dataset = catalog.find_dataset(ref)
        if dataset is None:
            raise not_found("Dataset", ref.api_name, statement.ctx.location)
        before = dataset.metadata.get("access")
        if before is None:
            before = default_access(statement.ctx.caller)
        access = _VERBS[verb][0](before, roles, grantees)
        if not statement.dry_run:
            after = replace(
                dataset,
                metadata={**dataset.metadata, "access": access},
                modified_ms=statement.now_ms(),
                etag=statement.etag(),
            )
            with catalog.change(statement.session) as change:
                change.put_dataset(after)
    return StatementResult(f"{verb}_ON_SCHEMA", dcl_target=ref)


def _on_table(
    statement: Statement, verb: str, kind: str, roles: Sequence[str], grantees: Sequence[str]
) -> StatementResult:
    ref = names.table_ref(resolved.get(statement.node, "name_path"), statement.ctx)
    catalog = statement.catalog
    with catalog.lock(ref):
        table = catalog.find_table(ref)
        if table is None:
            catalog.dataset(ref.dataset_ref)
            raise not_found("Table", ref.api_name, statement.ctx.location)
        if table.kind not in _TABLES[kind]:
            raise wrong_kind(table)
        policy = _VERBS[verb][1](table.metadata.get(KEY) or {}, roles, grantees)
        if not statement.dry_run:
            after = replace(table, metadata={**table.metadata, KEY: policy}, etag=statement.etag())
            with catalog.change(statement.session) as change:
                change.put_table(after)
    about = "VIEW" if "VIEW" in kind else "TABLE"
    return StatementResult(f"{verb}_ON_{about}", dcl_target=ref)


def _roles(statement: Statement, privileges: Sequence[Any]) -> list[str]:
    if not privileges:
        raise unsupported("ALL PRIVILEGES in GRANT and REVOKE")
    policy = statement.services.planner.security.policy()
    known = ROLES if policy is None else policy.roles
    found = []
    for privilege in privileges:
        role = privilege.action_type
        if privilege.unit_list:
            raise unsupported("GRANT and REVOKE on columns")
        if role not in known:
            raise invalid_query(f"Role {role} does not exist in the resource's hierarchy.")
        found.append(role)
    return list(dict.fromkeys(found))


def _grantees(statement: Statement, expressions: Sequence[Any]) -> list[str]:
    found = []
    for expression in expressions:
        grantee = statement.constant(expression)
        try:
            grants.grantee_key(grantee or "")
        except BadMember:
            raise invalid_query(f"Invalid grantee: {grantee}") from None
        found.append(str(grantee))
    return list(dict.fromkeys(found))
