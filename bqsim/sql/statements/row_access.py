"""CREATE, ALTER and DROP ROW ACCESS POLICY (page *Data definition language*)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bqsim.catalog.refs import DatasetRef, TableRef
from bqsim.catalog.resources import RowAccessPolicy, Table, TableKind
from bqsim.errors import BigQueryError, already_exists, invalid, invalid_query, not_found
from bqsim.sim.iam.model import BadMember, member_key
from bqsim.sql.googlesql import resolved
from bqsim.sql.plan import Context, StatementResult
from bqsim.types import TypeKind

from . import names, results
from .base import Statement, enum_name
from .tables import wrong_kind

if TYPE_CHECKING:
    from bqsim.catalog.change import Change
    from bqsim.catalog.store import Catalog
    from bqsim.engine.protocol import Session
    from bqsim.sql.googlesql import Analyzed, GoogleSql

# Page "rowAccessPolicies": letters, numbers and underscores, at most 256 characters.
# What stands for the grantees of a statement without GRANT TO, which GoogleSQL requires: nobody.
_NOBODY = "bqsim-nobody"
_UNGRANTED = re.compile(
    r"\s*create\s+(?:or\s+replace\s+)?row\s+(?:access\s+)?policy\b.*?(?=\bfilter\s+using\s*\()",
    re.IGNORECASE | re.DOTALL,
)
# Kinds of tables that the subqueries of filters may read.
_LOOKED_UP = frozenset({TableKind.TABLE, TableKind.EXTERNAL})
_POLICY_ID = re.compile(r"[A-Za-z0-9_]{1,256}")


@dataclass(frozen=True, slots=True)
class PolicyRef:
    """A row access policy by name."""

    table: TableRef
    policy: str

    @property
    def api_name(self) -> str:
        return f"{self.policy} on table {self.table.api_name}"

    def to_json(self) -> dict[str, str]:
        """The API's ``RowAccessPolicyReference``."""
        return {**self.table.to_json(), "policyId": self.policy}


def granted_to_nobody(sql: str, error: BigQueryError) -> str | None:
    """A CREATE ROW ACCESS POLICY without grantees as GoogleSQL can read it; None for other errors."""
    if not error.message.startswith("Missing TO <grantee_list> clause"):
        return None
    head = _UNGRANTED.match(sql)
    return None if head is None else f"{head[0]}GRANT TO ('{_NOBODY}') {sql[head.end() :]}"


# What may be a policy


def check_policy_id(policy_id: str) -> None:
    """Raises 400 ``invalid`` for what cannot be the name of a policy."""
    if not _POLICY_ID.fullmatch(policy_id):
        raise invalid(
            f'Invalid row access policy ID "{policy_id}". Row access policy IDs must be alphanumeric (plus'
            " underscores) and must be at most 256 characters long."
        )


def checked_grantees(grantees: Iterable[str]) -> tuple[str, ...]:
    """Grantees without repetitions; raises 400 ``invalid`` for what is no IAM member."""
    found: dict[str, str] = {}
    for grantee in grantees:
        if grantee == _NOBODY:
            continue
        try:
            found.setdefault(member_key(grantee), grantee)
        except BadMember:
            raise invalid(f"Invalid grantee in row access policy: {grantee}") from None
    return tuple(found.values())


def protectable(table: Table, ctx: Context) -> Table:
    """``table``, when it may have policies: no view and no temporary table."""
    if table.kind is not TableKind.TABLE:
        raise wrong_kind(table)
    if table.ref.dataset.startswith("_") or table.ref.dataset_ref == ctx.temp_dataset:
        raise invalid_query("Row access policies cannot be applied to temporary tables.")
    return table


def check_filter(analyzed: Analyzed, scan: Any, predicate: Any, table: Table) -> None:
    """Raises for a filter that a policy cannot have.

    ``scan`` is the statement's scan of the table, of the columns that the ``predicate`` reads. Filters do not
    read JSON columns; their subqueries read tables without policies of their own.
    """
    for index in scan.column_index_list:
        if index < len(table.fields) and table.fields[index].kind is TypeKind.JSON:
            raise invalid_query(
                f"Row access policies cannot be applied on column {table.fields[index].name} of type JSON."
            )
    for node in resolved.walk(predicate):
        source = None
        if resolved.node_name(node) == "ResolvedTableScan":
            source = analyzed.sources.get(node.table.full_name)
        if source is None:
            continue
        read = source.table
        if read.kind not in _LOOKED_UP or source.matches or "virtual" in read.metadata:
            raise invalid_query(f"Subqueries of row access policies only support tables: {read.ref.api_name}")
        if read.row_access_policies or read.ref == table.ref:
            raise invalid_query(
                f"Row access policy on table {table.ref.api_name} cannot reference table"
                f" {read.ref.api_name}, which has row access policies."
            )


def checked_predicate(googlesql: GoogleSql, table: Table, predicate: str, ctx: Context) -> str:
    """A filter that came without a statement around it, as a statement would have it."""
    ref = table.ref
    protectable(table, ctx)
    sql = (
        f"CREATE ROW ACCESS POLICY p ON `{ref.project}`.`{ref.dataset}`.`{ref.table}` GRANT TO ('allUsers')"
        f" FILTER USING (\n{predicate}\n)"
    )
    analyzed = googlesql.analyze(sql, ctx, (0, 1))
    node = analyzed.statement
    check_filter(analyzed, resolved.unwrap(node.table_scan), node.predicate, table)
    return predicate.strip()


# Policies of a table


def find_policy(table: Table, policy_id: str) -> RowAccessPolicy | None:
    """The policy of a name; names of policies are case insensitive."""
    folded = policy_id.casefold()
    return next((p for p in table.row_access_policies if p.policy_id.casefold() == folded), None)


def policy_of(table: Table, policy_id: str) -> RowAccessPolicy:
    """The policy of a name, or 404 ``notFound``."""
    found = find_policy(table, policy_id)
    if found is None:
        raise missing(PolicyRef(table.ref, policy_id))
    return found


def missing(ref: PolicyRef) -> BigQueryError:
    return not_found("Row access policy", ref.api_name)


def with_policy(table: Table, policy: RowAccessPolicy) -> Table:
    """The table with a policy more, or in place of the one that has its name."""
    before = find_policy(table, policy.policy_id)
    policies = table.row_access_policies
    if before is None:
        return replace(table, row_access_policies=(*policies, policy))
    return replace(table, row_access_policies=tuple(policy if p is before else p for p in policies))


def without_policies(table: Table, gone: Sequence[RowAccessPolicy]) -> Table:
    return replace(table, row_access_policies=tuple(p for p in table.row_access_policies if p not in gone))


def check_not_last(table: Table, gone: Sequence[RowAccessPolicy]) -> None:
    """The last policy of a table goes by DROP ALL only: everybody sees all rows after it."""
    if gone and len(gone) == len(table.row_access_policies):
        raise invalid_query(
            f"Cannot drop the last row access policy on table {table.ref.api_name}. Please use DROP ALL ROW"
            " ACCESS POLICIES instead."
        )


@contextmanager
def changing(catalog: Catalog, session: Session, ref: TableRef) -> Iterator[tuple[Change, Table]]:
    """Hold a table's lock and a change while its policies are changed."""
    with catalog.lock(ref), catalog.change(session) as change:
        yield change, catalog.table(ref)


def put(catalog: Catalog, change: Change, table: Table) -> None:
    """Put a table whose policies have changed."""
    change.put_table(replace(table, etag=catalog.new_etag()))


def new_policy(
    catalog: Catalog,
    policy_id: str,
    predicate: str,
    grantees: tuple[str, ...],
    ctx: Context,
    before: RowAccessPolicy | None = None,
) -> RowAccessPolicy:
    """A policy as of now; ``before`` is the one that it replaces."""
    now_ms = catalog.clock.now_us() // 1000
    default: DatasetRef | None = ctx.default_dataset
    return RowAccessPolicy(
        policy_id if before is None else before.policy_id,
        predicate,
        grantees,
        now_ms if before is None else before.created_ms,
        now_ms,
        catalog.new_etag(),
        ctx.project,
        default,
    )


# Statements


def create(statement: Statement) -> StatementResult:
    """CREATE [OR REPLACE] ROW ACCESS POLICY [IF NOT EXISTS]."""
    node, ctx = statement.node, statement.ctx
    table = protectable(_table(statement, node.target_name_path), ctx)
    ref = PolicyRef(table.ref, node.name)
    check_policy_id(ref.policy)
    grantees = checked_grantees(_texts(statement, node.grantee_expr_list))
    check_filter(statement.analyzed, resolved.unwrap(node.table_scan), node.predicate, table)
    mode = enum_name(node, "create_mode")
    catalog = statement.catalog
    with changing(catalog, statement.session, ref.table) as (change, now):
        before = find_policy(now, ref.policy)
        if before is not None and mode == "CREATE_IF_NOT_EXISTS":
            return _result("CREATE_ROW_ACCESS_POLICY", results.SKIP, ref)
        if before is not None and mode != "CREATE_OR_REPLACE":
            raise already_exists("Row access policy", ref.api_name)
        if not statement.dry_run:
            policy = new_policy(catalog, ref.policy, node.predicate_str, grantees, ctx, before)
            put(catalog, change, with_policy(now, policy))
    operation = results.CREATE if before is None else results.REPLACE
    return _result("CREATE_ROW_ACCESS_POLICY", operation, ref)


def drop(statement: Statement) -> StatementResult:
    """DROP ROW ACCESS POLICY [IF EXISTS] and DROP ALL ROW ACCESS POLICIES."""
    node = statement.node
    everything = bool(node.is_drop_all)
    kind = "DROP_ALL_ROW_ACCESS_POLICIES" if everything else "DROP_ROW_ACCESS_POLICY"
    ref = PolicyRef(_path(statement, node.target_name_path), node.name)
    with changing(statement.catalog, statement.session, ref.table) as (change, table):
        if everything:
            gone = table.row_access_policies
        else:
            found = find_policy(table, ref.policy)
            if found is None:
                if node.is_if_exists:
                    return _result(kind, results.SKIP, ref)
                raise missing(ref)
            gone = (found,)
            check_not_last(table, gone)
        if gone and not statement.dry_run:
            put(statement.catalog, change, without_policies(table, gone))
    result = _result(kind, results.DROP, ref)
    if everything:
        result.ddl_target_row_access_policy = None
        result.ddl_target_table = ref.table
        result.ddl_affected_row_access_policies = len(gone)
    return result


def alter(statement: Statement) -> StatementResult:
    """ALTER ROW ACCESS POLICY [IF EXISTS]: GRANT TO, REVOKE FROM, FILTER USING, RENAME TO."""
    node = statement.node
    ref = PolicyRef(_path(statement, resolved.get(node, "name_path")), node.name)
    with changing(statement.catalog, statement.session, ref.table) as (change, table):
        before = find_policy(table, ref.policy)
        if before is None:
            if resolved.get(node, "is_if_exists"):
                return _result("ALTER_ROW_ACCESS_POLICY", results.SKIP, ref)
            raise missing(ref)
        after = _altered(statement, table, before)
        if not statement.dry_run:
            policies = tuple(after if p is before else p for p in table.row_access_policies)
            put(statement.catalog, change, replace(table, row_access_policies=policies))
    return _result("ALTER_ROW_ACCESS_POLICY", results.ALTER, PolicyRef(ref.table, after.policy_id))


def alter_all(statement: Statement) -> StatementResult:
    """ALTER ALL ROW ACCESS POLICIES: REVOKE FROM."""
    ref = _path(statement, resolved.get(statement.node, "name_path"))
    with changing(statement.catalog, statement.session, ref) as (change, table):
        after = tuple(_altered(statement, table, p) for p in table.row_access_policies)
        if not statement.dry_run and after:
            put(statement.catalog, change, replace(table, row_access_policies=after))
    return StatementResult(
        "ALTER_ALL_ROW_ACCESS_POLICIES",
        ddl_operation=results.ALTER,
        ddl_target_table=ref,
        ddl_affected_row_access_policies=len(after),
    )


def _altered(statement: Statement, table: Table, policy: RowAccessPolicy) -> RowAccessPolicy:
    after = policy
    for wrapped in resolved.get(statement.node, "alter_action_list"):
        action = resolved.unwrap(wrapped)
        after = _ACTIONS[resolved.node_name(action)](statement, table, after, action)
    return replace(
        after, modified_ms=statement.catalog.clock.now_us() // 1000, etag=statement.catalog.new_etag()
    )


def _grant(statement: Statement, table: Table, policy: RowAccessPolicy, action: Any) -> RowAccessPolicy:
    more = _texts(statement, action.grantee_expr_list)
    return replace(policy, grantees=checked_grantees((*policy.grantees, *more)))


def _revoke(statement: Statement, table: Table, policy: RowAccessPolicy, action: Any) -> RowAccessPolicy:
    if action.is_revoke_from_all:
        return replace(policy, grantees=())
    gone = {member_key(g) for g in checked_grantees(_texts(statement, action.revokee_expr_list))}
    return replace(policy, grantees=tuple(g for g in policy.grantees if member_key(g) not in gone))


def _refilter(statement: Statement, table: Table, policy: RowAccessPolicy, action: Any) -> RowAccessPolicy:
    check_filter(statement.analyzed, resolved.unwrap(statement.node.table_scan), action.predicate, table)
    ctx = statement.ctx
    return replace(
        policy, filter_predicate=action.predicate_str, project=ctx.project, dataset=ctx.default_dataset
    )


def _rename(statement: Statement, table: Table, policy: RowAccessPolicy, action: Any) -> RowAccessPolicy:
    name = ".".join(action.new_path)
    check_policy_id(name)
    other = find_policy(table, name)
    if other is not None and other.policy_id != policy.policy_id:
        raise already_exists("Row access policy", PolicyRef(table.ref, name).api_name)
    return replace(policy, policy_id=name)


_ACTIONS = {
    "ResolvedGrantToAction": _grant,
    "ResolvedRevokeFromAction": _revoke,
    "ResolvedFilterUsingAction": _refilter,
    "ResolvedRenameToAction": _rename,
}


def _texts(statement: Statement, expressions: Iterable[Any]) -> list[str]:
    return [str(statement.constant(e)) for e in expressions]


def _path(statement: Statement, path: Sequence[str]) -> TableRef:
    """The table that a statement names, which is there."""
    ref = names.table_ref(path, statement.ctx)
    if statement.catalog.find_table(ref) is None:
        if statement.catalog.find_dataset(ref.dataset_ref) is None:
            raise not_found("Dataset", ref.dataset_ref.api_name, statement.ctx.location)
        raise not_found("Table", ref.api_name, statement.ctx.location)
    return ref


def _table(statement: Statement, path: Sequence[str]) -> Table:
    found = statement.analyzed.sources.get(statement.node.table_scan.table.full_name)
    return found.table if found is not None else statement.catalog.table(_path(statement, path))


def _result(kind: str, operation: str, ref: PolicyRef) -> StatementResult:
    return StatementResult(
        kind, ddl_operation=operation, ddl_target_table=ref.table, ddl_target_row_access_policy=ref
    )
