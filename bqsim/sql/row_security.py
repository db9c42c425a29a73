"""Row access policies: who sees which rows of a table (page *Introduction to row-level security*).

A table with a policy shows a caller the rows of the policies that name him, all policies together, and none
when no policy names him. Nobody is exempt.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import RowAccessPolicy, Table
from bqsim.errors import BigQueryError
from bqsim.sim.iam.gate import Member
from bqsim.sim.iam.model import BadMember, member_key
from bqsim.sim.iam.policy import Policy, memberships

from .googlesql import resolved
from .plan import Context

if TYPE_CHECKING:
    from bqsim.catalog.store import Catalog

    from .googlesql import Analyzed, GoogleSql

OVERRIDE_TIME_TRAVEL = "bigquery.rowAccessPolicies.overrideTimeTravelRestrictions"


def is_true_filter(policy: RowAccessPolicy) -> bool:
    """Whether a policy is a TRUE filter, which gives full access (page *Using row-level security with
    other BigQuery features*)."""
    text = policy.filter_predicate.strip()
    while text.startswith("(") and text.endswith(")"):
        text = text[1:-1].strip()
    return text.casefold() == "true"


def protecting(catalog: Catalog, table: Table) -> Table:
    """A table as it was, under the policies that it has now; under its own when it has none now.

    Rows of the past are not shown for a policy being younger, nor for the table being another one since.
    """
    now = catalog.find_table(table.ref)
    if now is None or not now.row_access_policies or now is table:
        return table
    return replace(table, row_access_policies=now.row_access_policies)


def had_policies(catalog: Catalog, table: Table) -> bool:
    """Whether a table has or has had row access policies."""
    if table.row_access_policies:
        return True
    return any(v.table.row_access_policies for v in catalog.history.past(table.ref))


def full_access_denied(ref: TableRef) -> BigQueryError:
    """The refusal of what only those may do who see all rows."""
    name = ref.api_name
    return BigQueryError(
        "accessDenied",
        f"Access Denied: Table {name}: User does not have full access for table {name} due to row access"
        " policies.",
    )


class RowSecurity:
    """Tells which rows of tables callers see. ``policy`` tells the IAM policy in force, which knows the
    members of groups, or None."""

    def __init__(self, catalog: Catalog, googlesql: GoogleSql) -> None:
        self.policy: Callable[[], Policy | None] = lambda: None
        self._catalog = catalog
        self._googlesql = googlesql

    def granted(self, table: Table, ctx: Context) -> tuple[RowAccessPolicy, ...]:
        """The policies of a table that name the caller."""
        if not table.row_access_policies:
            return ()
        policy = self.policy()
        caller = Member(ctx.caller, ctx.groups)
        keys = memberships(caller) if policy is None else policy.memberships(caller)
        return tuple(p for p in table.row_access_policies if not keys.isdisjoint(map(_key, p.grantees)))

    def sees_all(self, table: Table, ctx: Context) -> bool:
        """Whether the caller sees every row: there is no policy, or a TRUE filter names him."""
        return not table.row_access_policies or any(map(is_true_filter, self.granted(table, ctx)))

    def require_all(self, table: Table, ctx: Context) -> None:
        """Raises 403 ``accessDenied`` unless the caller sees every row."""
        if not self.sees_all(table, ctx):
            raise full_access_denied(table.ref)

    def analyzed(self, table: Table, policy: RowAccessPolicy, ctx: Context) -> Analyzed:
        """``SELECT 1 FROM <table> WHERE (<filter>)`` of one policy, in the context of who wrote it."""
        return self._analyze(table, policy, ctx, f"SELECT 1 FROM {_name(table)} WHERE {_filter(policy)}")

    def everything(self, table: Table, ctx: Context) -> Analyzed:
        """``SELECT <all columns> FROM <table>``, which reads ``table`` as it is given."""
        analyzed = self._analyze(table, None, ctx, f"SELECT {_columns(table)} FROM {_name(table)} AS t")
        sources = {name: replace(source, table=table) for name, source in analyzed.sources.items()}
        return replace(analyzed, sources=sources)

    def filtered(self, table: Table, ctx: Context) -> Analyzed | None:
        """``SELECT <all columns> FROM <table> WHERE (<filter>) OR …`` of the policies that name the caller;
        None when they were written in contexts of their own."""
        policies = self.granted(table, ctx)
        if len({(p.project, p.dataset) for p in policies}) != 1:
            return None
        condition = " OR ".join(map(_filter, policies))
        sql = f"SELECT {_columns(table)} FROM {_name(table)} AS t WHERE {condition}"
        return self._analyze(table, policies[0], ctx, sql)

    def _analyze(self, table: Table, policy: RowAccessPolicy | None, ctx: Context, sql: str) -> Analyzed:
        analyzed = self._googlesql.analyze(sql, self._context(table, policy, ctx))
        if ctx.transaction is not None:
            analyzed = ctx.transaction.bind(analyzed, ctx.temp_dataset)
        return analyzed

    def _context(self, table: Table, policy: RowAccessPolicy | None, ctx: Context) -> Context:
        ref = table.ref
        now = self._catalog.find_table(ref)
        current = now is not None and now.fields == table.fields
        return Context(
            (policy and policy.project) or ref.project,
            (policy and policy.dataset) or ref.dataset_ref,
            caller=ctx.caller,
            groups=ctx.groups,
            location=ctx.location,
            now_us=ctx.now_us,
            pinned={} if current else {ref: table},
        )


def filter_of(analyzed: Analyzed) -> tuple[Any, Any]:
    """The condition of a query of :meth:`RowSecurity.analyzed`, and its scan of the table."""
    scan = resolved.unwrap(resolved.unwrap(analyzed.statement.query).input_scan)
    return resolved.unwrap(scan.filter_expr), resolved.unwrap(scan.input_scan)


def _key(grantee: str) -> str:
    try:
        return member_key(grantee)
    except BadMember:
        return f"nobody:{grantee}"


def _name(table: Table) -> str:
    ref = table.ref
    return f"`{ref.project}`.`{ref.dataset}`.`{ref.table}`"


def _columns(table: Table) -> str:
    return ", ".join(f"t.`{f.name}`" for f in table.fields)


def _filter(policy: RowAccessPolicy) -> str:
    return f"(\n{policy.filter_predicate}\n)"
