"""What the caller of a statement may use, asked each time that a statement runs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from bqsim.catalog.refs import DatasetRef, RoutineRef, TableRef
from bqsim.catalog.resources import Table, TableKind
from bqsim.errors import BigQueryError
from bqsim.sim.iam.attached import authorizes
from bqsim.sim.iam.denial import Wording, denial
from bqsim.sim.iam.gate import Member
from bqsim.sim.iam.policy import Policy
from bqsim.sim.iam.statements import authorize_statement

from .access_kinds import CREATED_FROM, READING, TYPES
from .googlesql import resolved
from .plan import Context, QueryPlan
from .row_security import OVERRIDE_TIME_TRAVEL, had_policies
from .statements.names import administering, dataset_ref, routine_ref, table_ref

if TYPE_CHECKING:
    from bqsim.catalog.store import Catalog

    from .googlesql import Analyzed, GoogleSql
    from .planner import Planner

_GET_DATA = "bigquery.tables.getData"
# Who has none of these on a table learns nothing about it.
_KNOWING = (_GET_DATA, "bigquery.tables.get", "bigquery.tables.update", "bigquery.tables.updateData")
_NOT_FOUND = re.compile(r"Not found: Table ([^\s:]+):([^\s.]+)\.(\S+)")


def dataset_path(ref: DatasetRef) -> str:
    """The resource path of a dataset."""
    return f"projects/{ref.project}/datasets/{ref.dataset}"


def table_path(ref: TableRef) -> str:
    return f"{dataset_path(ref.dataset_ref)}/tables/{ref.table}"


def routine_path(ref: RoutineRef) -> str:
    return f"{dataset_path(ref.dataset_ref)}/routines/{ref.routine}"


class Access:
    """Refuses statements that use what their callers may not; ``policy`` tells the one in force, or None."""

    def __init__(self, catalog: Catalog, planner: Planner, googlesql: GoogleSql) -> None:
        self.policy: Callable[[], Policy | None] = lambda: None
        self._catalog = catalog
        self._planner = planner
        self._googlesql = googlesql

    def statement(self, analyzed: Analyzed, ctx: Context) -> None:
        """Raises the denial of a statement that is analysed and about to run."""
        policy = self.policy()
        if policy is not None:
            _Check(self, policy, ctx).statement(analyzed)

    def plan(self, plan: QueryPlan, ctx: Context) -> bool:
        """Check a kept plan of a query; False when only its analysis tells what it uses."""
        policy = self.policy()
        if policy is None:
            return True
        if plan.views or plan.routines:
            return False
        _Check(self, policy, ctx).allow("SELECT", map(table_path, plan.tables))
        return True

    def call(self, ref: RoutineRef, ctx: Context) -> None:
        """Raises the denial of a CALL."""
        policy = self.policy()
        if policy is not None:
            _Check(self, policy, ctx).allow("CALL", (), routine_path(ref))

    def failed(self, sql: str, ctx: Context, error: BigQueryError) -> None:
        """Raises a denial instead of an error of the analysis that would tell about what the caller may
        not see."""
        policy = self.policy()
        if policy is None:
            return
        check = _Check(self, policy, ctx)
        missing = _NOT_FOUND.match(error.message)
        named = [TableRef(*missing.groups())] if missing is not None else []
        for ref in (*named, *self._googlesql.tables_named(sql, ctx)):
            check.known(ref)


class _Check:
    """The check of one statement."""

    def __init__(self, access: Access, policy: Policy, ctx: Context) -> None:
        self._access = access
        self._policy = policy
        self._ctx = ctx
        self._caller = Member(ctx.caller, ctx.groups)
        self._done: set[object] = set()

    def statement(self, analyzed: Analyzed) -> None:
        kind, about, temporary = self._kind(analyzed)
        reads = Counter(_scans(analyzed))
        target = ""
        try:
            if about == "scan":
                name = analyzed.statement.table_scan.table.full_name
                reads[name] -= 1
                target = table_path(analyzed.sources[name].table.ref)
            elif about and not temporary:
                target = self._named(analyzed, about)
        except BigQueryError:
            # The statement itself tells what is wrong with the name.
            return
        if "ROW_ACCESS_POLIC" in kind and not kind.startswith("DROP"):
            reads[analyzed.statement.table_scan.table.full_name] -= 1
        if target and self._is_temporary(analyzed, about, target):
            target, kind = "", "SELECT"
        if like := _like(analyzed):
            reads[like] += 1
        if self._replaces(analyzed, target):
            self.allow("ALTER_TABLE", (), target)
        if target or not about:
            self.allow(kind, (), target)
        self._routines(analyzed)
        self._reads(analyzed, (name for name, count in reads.items() if count > 0), self._ctx, kind)

    def allow(self, kind: str, reads: Iterable[str], target: str = "") -> None:
        denied = authorize_statement(
            self._policy, self._caller, kind, reads=reads, target=target, location=self._ctx.location
        )
        if denied is not None:
            raise denied.error()

    def known(self, ref: TableRef) -> None:
        """Raise the denial of a table of which the caller may know nothing."""
        path = table_path(ref)
        if ref.dataset_ref == self._ctx.temp_dataset or "INFORMATION_SCHEMA" in ref.dataset.upper():
            return
        if not self._policy.test_permissions(self._caller, _KNOWING, path):
            raise denial(_GET_DATA, path, Wording.QUERY, location=self._ctx.location).error()

    # What it is about

    def _kind(self, analyzed: Analyzed) -> tuple[str, str, bool]:
        name = analyzed.kind.removeprefix("resolved_").removesuffix("_stmt")
        node = analyzed.statement
        if name == "drop":
            name = f"drop {node.object_type}"
        if name.endswith("_entity"):
            name = f"{name} {node.entity_type.upper()}"
        kind, about = TYPES.get(name, ("SELECT", ""))
        temporary = name.startswith("create_") and _scope(node) == "CREATE_TEMP"
        if name == "create_table":
            kind = next((k for field, k in CREATED_FROM.items() if resolved.has(node, field)), kind)
        return ("SELECT", "", True) if temporary else (kind, about, False)

    def _named(self, analyzed: Analyzed, about: str) -> str:
        node = analyzed.statement
        names: Sequence[str] = node.target_name_path if about == "policy" else resolved.get(node, "name_path")
        if about == "object":
            words = [word.upper() for word in resolved.get(node, "object_type_list")]
            about = "dataset" if words in (["SCHEMA"], ["DATASET"]) else "table"
        if about == "project":
            return f"projects/{administering(names, self._ctx)}"
        if about == "dataset":
            return dataset_path(dataset_ref(names, self._ctx))
        if about == "model":
            ref = table_ref(names, self._ctx)
            return f"{dataset_path(ref.dataset_ref)}/models/{ref.table}"
        if about == "routine":
            if len(names) == 1 and names[0].casefold() in self._ctx.temp_functions:
                return ""
            return routine_path(routine_ref(names, self._ctx))
        temporary = self._ctx.temp_dataset
        if temporary is not None and len(names) == 1:
            ref = temporary.table(names[0])
            if self._access._catalog.find_table(ref) is not None:
                return table_path(ref)
        return table_path(table_ref(names, self._ctx))

    def _is_temporary(self, analyzed: Analyzed, about: str, target: str) -> bool:
        dataset = self._ctx.temp_dataset
        return dataset is not None and target.startswith(f"{dataset_path(dataset)}/")

    def _replaces(self, analyzed: Analyzed, target: str) -> bool:
        """Whether CREATE OR REPLACE is about a table that there is."""
        if "/tables/" not in target or not analyzed.kind.startswith("resolved_create_"):
            return False
        if analyzed.kind == "resolved_create_row_access_policy_stmt":
            return False
        from .statements.base import enum_name

        if enum_name(analyzed.statement, "create_mode") != "CREATE_OR_REPLACE":
            return False
        _, project, _, dataset, _, table = target.split("/", 5)
        return self._access._catalog.find_table(TableRef(project, dataset, table)) is not None

    # What it reads

    def _reads(
        self,
        analyzed: Analyzed,
        names: Iterable[str],
        ctx: Context,
        kind: str = "SELECT",
        through: Table | None = None,
    ) -> None:
        """Check the tables that are scanned; ``through`` is the view whose query that is, ``ctx`` what it is
        analysed in."""
        reading = kind if kind in READING else "SELECT"
        is_of_routine = self._of_routines(analyzed, ctx)
        for name in names:
            source = analyzed.sources.get(name)
            if source is None:
                continue
            for table in source.matches or (source.table,):
                self._past(analyzed, name, table)
                if (table.ref, through and through.ref) in self._done:
                    continue
                self._done.add((table.ref, through and through.ref))
                of_view = through is not None and self._authorized(table.ref.dataset_ref, "view", through.ref)
                if not of_view and not is_of_routine(table):
                    self._read(table, reading)
                if table.view_query is not None:
                    inner = self._access._planner.view(table, self._ctx)
                    self._routines(inner)
                    within = Context(table.ref.project, table.ref.dataset_ref)
                    self._reads(inner, _scans(inner), within, through=table)

    def _past(self, analyzed: Analyzed, name: str, table: Table) -> None:
        """Only administrators read the past of tables that have or have had row access policies."""
        if name not in self._times(analyzed) or not had_policies(self._access._catalog, table):
            return
        path = table_path(table.ref)
        if not self._policy.test_permissions(self._caller, (OVERRIDE_TIME_TRAVEL,), path):
            raise denial(OVERRIDE_TIME_TRAVEL, path, Wording.QUERY, location=self._ctx.location).error()

    def _times(self, analyzed: Analyzed) -> frozenset[str]:
        """The tables that a statement reads as they were."""
        if "system_time" not in analyzed.sql.casefold():
            return frozenset()
        scans = (n for n in resolved.walk(analyzed.statement) if resolved.node_name(n) == "ResolvedTableScan")
        return frozenset(str(n.table.full_name) for n in scans if resolved.has(n, "for_system_time_expr"))

    def _read(self, table: Table, kind: str) -> None:
        ref = table.ref
        if ref.dataset_ref == self._ctx.temp_dataset:
            return
        rows = table.metadata.get("virtual")
        if rows is None or table.kind is TableKind.EXTERNAL:
            self.allow(kind, [table_path(ref)])
            return
        dataset, project = getattr(rows, "dataset", None), getattr(rows, "project", ref.project)
        where = dataset_path(DatasetRef(project, dataset)) if dataset else f"projects/{project}"
        wanted = rows.needs
        if len(self._policy.test_permissions(self._caller, wanted, where)) < len(wanted):
            raise denial(
                _GET_DATA,
                table_path(ref),
                Wording.QUERY,
                name=f"{project}:{ref.dataset}.{ref.table}",
                location=self._ctx.location,
            ).error()

    def _routines(self, analyzed: Analyzed) -> None:
        """Check the routines that are used."""
        for ref in analyzed.routines:
            if ref not in self._done:
                self._done.add(ref)
                self.allow("CALL", (), routine_path(ref))

    def _of_routines(self, analyzed: Analyzed, ctx: Context) -> Callable[[Table], bool]:
        """Whether a table that is scanned is read by an authorized routine, not by the text itself: in what
        is analysed, the bodies of routines stand in place of their calls."""
        if not analyzed.routines:
            return lambda table: False
        named = set(self._access._googlesql.tables_named(analyzed.original_sql, ctx))
        return lambda table: (
            table.ref not in named
            and any(self._authorized(table.ref.dataset_ref, "routine", ref) for ref in analyzed.routines)
        )

    def _authorized(self, dataset: DatasetRef, kind: str, ref: TableRef | RoutineRef) -> bool:
        """Whether a dataset lets a view or a routine of another one read it for all who may use that."""
        found = self._access._catalog.find_dataset(dataset)
        access = (found.metadata.get("access") if found is not None else None) or ()
        name = ref.table if isinstance(ref, TableRef) else ref.routine
        return authorizes(access, kind, ref.project, ref.dataset, name)


def _scans(analyzed: Analyzed) -> Iterator[str]:
    """The full names of the tables that a statement scans, each as often as it does."""
    for node in resolved.walk(analyzed.statement):
        if resolved.node_name(node) == "ResolvedTableScan":
            yield str(node.table.full_name)


def _like(analyzed: Analyzed) -> str:
    if analyzed.kind != "resolved_create_table_stmt":
        return ""
    return str(resolved.get(analyzed.statement, "like_table").full_name)


def _scope(node: Any) -> str:
    from .statements.base import enum_name

    try:
        return enum_name(node, "create_scope")
    except AttributeError:
        return ""
