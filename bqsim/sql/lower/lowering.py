"""From a resolved statement to one engine query."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bqsim.catalog.refs import RoutineRef, TableRef
from bqsim.errors import BigQueryError
from bqsim.sql.googlesql.resolved import get, node_name, unwrap
from bqsim.sql.googlesql.types import type_from_proto
from bqsim.sql.plan import Scan
from bqsim.types import Field, Type, TypeKind

from . import nodes
from .outputs import fields_of, needs_check, output_value
from .registry import NOT_LITERAL, Unsupported
from .relation import Place, Relation, place_node
from .tables import EXPRESSIONS, SCANS

if TYPE_CHECKING:
    from sqlglot import expressions as exp

    from bqsim.catalog.resources import Table
    from bqsim.catalog.store import Catalog
    from bqsim.sql.googlesql import Analyzed
    from bqsim.sql.plan import Context
    from bqsim.sql.row_security import RowSecurity

    from .leaves import Paths
    from .pruning import Notes
    from .pushdown import Condition

Views = Callable[["Table", "Context"], "Analyzed"]


@dataclass(frozen=True, slots=True)
class LoweredQuery:
    """An engine query: ``sql`` returns the columns of ``schema`` by position.

    ``tables`` are the stored tables that it reads, ``columns_read`` the names of their columns that it
    needs, ``views`` the views passed through. ``inputs`` maps names of relations to register before the
    run to (fields, callable giving the rows as a ``pyarrow.Table``). ``ordered`` says that the order of
    rows is the statement's own. ``deterministic`` is false when CURRENT_*, RAND and the like make the
    result uncacheable. ``policies_used`` counts the row access policies that name the caller, None when no
    table that it reads has policies. ``materialized`` are the materialized views that it names, each with why
    its stored rows are not read, None for those that are.
    """

    select: exp.Query
    sql: str
    schema: tuple[Field, ...]
    columns_read: dict[TableRef, tuple[str, ...]]
    tables: tuple[TableRef, ...]
    views: tuple[TableRef, ...]
    inputs: dict[str, Any]
    ordered: bool
    deterministic: bool
    routines: tuple[RoutineRef, ...] = ()
    policies_used: int | None = None
    materialized: tuple[tuple[TableRef, str | None], ...] = ()
    scans: Mapping[TableRef, tuple[Scan, ...]] = field(default_factory=dict)
    wildcards: tuple[tuple[TableRef, ...], ...] = ()


@dataclass(slots=True)
class Shared:
    """What the lowerings of a statement and of its views have in common."""

    labels: int = 0
    columns_read: dict[TableRef, dict[str, None]] = field(default_factory=dict)
    views: dict[TableRef, None] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)
    deterministic: bool = True
    routines: dict[RoutineRef, None] = field(default_factory=dict)
    open_views: tuple[TableRef, ...] = ()
    # The persistent external functions, numbered as they come.
    persistent: dict[str, int] = field(default_factory=dict)
    # What tells the rows that the caller sees, the tables whose policies are being lowered, and how many
    # policies name the caller; None when no table has any.
    security: RowSecurity | None = None
    open_policies: tuple[TableRef, ...] = ()
    policies_used: int | None = None
    # Materialized views, with why their stored rows are not read.
    materialized: dict[TableRef, str | None] = field(default_factory=dict)
    # The scans of tables that may be read in part, and the tables behind each wildcard.
    scans: dict[TableRef, list[Scan]] = field(default_factory=dict)
    wildcards: list[tuple[TableRef, ...]] = field(default_factory=list)

    def reading(self) -> dict[str, Any]:
        """The scans and wildcards, as a plan has them."""
        scans = {ref: tuple(found) for ref, found in self.scans.items()}
        return {"scans": scans, "wildcards": tuple(self.wildcards)}


class Lowering:
    """Lowers one analysed statement. Scans become SELECTs whose columns are labelled ``k<column id>``.

    A column of a relation in scope has one place; :attr:`places` holds the places of all columns in
    scope by column id, which are unique in a statement, so correlated references need nothing special.

    For statements that change rows: ``target_scan(node)`` lowers a ResolvedTableScan of a stored table
    to a SELECT with the scan's columns and the engine's row identifier as ``_rowid``; ``bind(node,
    label)`` puts the columns of such a scan in scope under a relation label, so that
    ``expression(node)`` can be used in SQL around it.
    """

    def __init__(
        self,
        analyzed: Analyzed,
        ctx: Context,
        catalog: Catalog | None,
        views: Views,
        shared: Shared | None = None,
        gaps: Mapping[tuple[int, int], str] | None = None,
        security: RowSecurity | None = None,
    ) -> None:
        """``gaps`` are engine texts that stand for the literals at some locations of the text; ``security``
        tells the rows that the caller sees."""
        self.analyzed = analyzed
        self.gaps = gaps
        self.ctx = ctx
        self.catalog = catalog
        self.views = views
        self.shared = shared or Shared(security=security)
        self.shared.routines.update(dict.fromkeys(analyzed.routines))
        self.places: dict[int, Place] = {}
        self.ctes: dict[str, tuple[str, list[int]]] = {}
        # The common table expressions by their labels.
        self.cte_nodes: dict[str, exp.CTE] = {}
        # The recursions being lowered: label, column ids, whether steps are counted.
        self.recursion: list[tuple[str, list[int], bool]] = []
        self.lambdas = 0
        self.subqueries = 0
        # In a subquery: relations up to this label are outside of it.
        self.boundary = 0
        self.keep_order = False
        # What filters say of columns of virtual tables, by column id.
        self.conditions: dict[int, Condition] = {}
        # How much TABLESAMPLE takes of the table scan below it.
        self.sampled = 1.0
        # What is asked of the columns of table scans, and of the statement's own outputs by whoever reads
        # them.
        self._notes: Notes | None = None
        self.outer_notes: Notes = {}
        # What is read of columns, and of the outputs by whoever reads them; None for all.
        self._paths: Paths | None = None
        self._paths_known = False
        self.outer_paths: Paths | None = None
        # FLOAT64 operations by the id of their node: (the node, the plain operation, the exact one).
        self.floats: dict[int, tuple[Any, Any, Any]] = {}

    # Statements

    def query(self) -> LoweredQuery:
        """Lower a query statement (or the query of CREATE TABLE AS SELECT, CREATE VIEW and the like)."""
        try:
            return self._query()
        except RecursionError:
            raise too_complex() from None

    def _query(self) -> LoweredQuery:
        statement = self.analyzed.statement
        outputs = statement.output_column_list
        types = [type_from_proto(c.column.type) for c in outputs]
        relation = self.relation(statement.query)
        ordered = bool(relation.order) or _is_ordered(statement.query)
        value_table = bool(get(statement, "is_value_table")) and types[0].kind is TypeKind.STRUCT
        if value_table or (relation.computed and any(map(needs_check, types))):
            relation = self.closed(relation)
        values = [place_node(relation.columns[c.column.column_id]) for c in outputs]
        names = [c.name for c in outputs]
        if value_table:
            names = [f.name for f in types[0].fields]
            types = [f.type for f in types[0].fields]
            values = [
                nodes.template(f"struct_extract({{0}}, '_{i}')", values[0]) for i in range(1, len(types) + 1)
            ]
        fields = fields_of(names, types)
        projections = [
            nodes.alias(output_value(value, f), f"c{i}")
            for i, (value, f) in enumerate(zip(values, fields, strict=True), 1)
        ]
        select = relation.finish(projections)
        return LoweredQuery(
            select=select,
            sql=nodes.render(select),
            schema=fields,
            columns_read={ref: tuple(names) for ref, names in self.shared.columns_read.items()},
            tables=tuple(self.shared.columns_read),
            views=tuple(self.shared.views),
            inputs=self.shared.inputs,
            ordered=ordered,
            deterministic=self.shared.deterministic,
            routines=tuple(self.shared.routines),
            policies_used=self.shared.policies_used,
            materialized=tuple(self.shared.materialized.items()),
            **self.shared.reading(),
        )

    def scan(self, node: Any) -> exp.Select:
        """A scan as a SELECT whose columns are labelled ``k<column id>``."""
        return self.select(self.relation(node))

    # Relations

    def relation(self, node: Any) -> Relation:
        """Lower a scan; afterwards its columns are in scope."""
        node = unwrap(node)
        handler = SCANS.get(node_name(node))
        if handler is None:
            raise Unsupported(node_name(node).removeprefix("Resolved"))
        relation: Relation = handler(self, node)
        columns = relation.columns
        wanted = [c.column_id for c in get(node, "column_list")]
        if len(wanted) != len(columns):
            relation.columns = {i: columns[i] for i in wanted if i in columns}
        self.places.update(relation.columns)
        return relation

    def label(self) -> str:
        """A fresh label of a relation."""
        self.shared.labels += 1
        return f"s{self.shared.labels}"

    def select(self, relation: Relation, columns: Iterable[int] | None = None) -> exp.Select:
        ids = relation.columns if columns is None else columns
        return relation.select([(i, f"k{i}") for i in ids])

    def closed(self, relation: Relation) -> Relation:
        """The relation as a derived table: one source with plain columns."""
        label = self.label()
        query = self.select(relation)
        for hidden, place in relation.hidden.items():
            query.append("expressions", nodes.alias(place_node(place), hidden))
        closed = self.source(nodes.derived(query, label), label, relation.columns)
        closed.hidden = {hidden: (label, hidden) for hidden in relation.hidden}
        return closed

    def source(self, source: Any, label: str, columns: Iterable[int]) -> Relation:
        """A relation over a FROM item whose columns are labelled ``k<column id>``; its columns come in
        scope.
        """
        relation = Relation(source, {i: (label, f"k{i}") for i in columns})
        self.places.update(relation.columns)
        return relation

    def simple(self, relation: Relation) -> Relation:
        """A relation at the stage of rows whose columns are all plain."""
        closes = relation.computed or relation.stage or relation.ctes
        return self.closed(relation) if closes else relation

    def single(self, relation: Relation) -> Relation:
        """A relation that is one FROM item."""
        return relation if relation.plain else self.closed(relation)

    # Expressions

    def expression(self, node: Any) -> exp.Expression:
        """An expression over the columns in scope."""
        node = unwrap(node)
        handler = EXPRESSIONS.get(node_name(node))
        if handler is None:
            raise Unsupported(node_name(node).removeprefix("Resolved"))
        lowered: exp.Expression = handler(self, node)
        return lowered

    def typed(self, node: Any) -> tuple[exp.Expression, Type]:
        node = unwrap(node)
        return self.expression(node), self.type(node)

    def type(self, node: Any) -> Type:
        """The type of an expression node."""
        return type_from_proto(get(unwrap(node), "type"))

    def column(self, column_id: int) -> exp.Expression:
        """A column in scope."""
        place = self.places.get(column_id)
        if place is None:
            raise Unsupported(f"reference to column {column_id} out of scope")
        return place_node(place)

    @property
    def notes(self) -> Notes:
        """The conditions that rows of table scans meet later, by column id."""
        if self._notes is None:
            from .pruning import concerns, notes_of

            self._notes = notes_of(self, self.outer_notes) if concerns(self) else {}
        return self._notes

    @property
    def paths(self) -> Paths | None:
        """What is read of the columns of table scans, by column id; None for all of them."""
        if not self._paths_known:
            from .leaves import concerns, paths_of

            self._paths_known = True
            self._paths = paths_of(self, self.outer_paths) if concerns(self) else None
        return self._paths

    def gap(self, literal: Any) -> str | None:
        """The engine text that stands for a literal whose value the plan leaves open."""
        if not self.gaps:
            return None
        where = get(literal, "parse_location_range")
        return self.gaps.get((where.start, where.end))

    def constant(self, node: Any) -> Any:
        """The Python value of an expression that must be a literal, parameter or variable."""
        from .expressions import known_value

        node = unwrap(node)
        while node_name(node) == "ResolvedCast":
            node = unwrap(node.expr)
        value = known_value(self, node)
        if value is NOT_LITERAL:
            raise Unsupported(f"{node_name(node).removeprefix('Resolved')} where a constant is expected")
        return value

    # Statements that change rows

    def target_scan(self, node: Any) -> exp.Select:
        """The live rows of a stored table: the scan's columns as ``k<column id>`` and ``_rowid``."""
        from .policies import require_all
        from .scans import all_rows

        node = unwrap(node)
        table = self.analyzed.sources[node.table.full_name or node.table.name].table
        require_all(self, table)
        relation = all_rows(self, node, table)
        select = self.select(relation)
        select.append("expressions", nodes.alias(nodes.column(relation.source.alias, "rowid"), "_rowid"))
        return select

    def bind(self, node: Any, label: str) -> None:
        """Put the columns of a scan in scope as columns ``k<column id>`` of the relation ``label``."""
        for column in get(unwrap(node), "column_list"):
            self.places[column.column_id] = (label, f"k{column.column_id}")


def too_complex() -> BigQueryError:
    """The refusal of a statement that is nested too deeply."""
    text = (
        "Resources exceeded during query execution: Not enough resources for query planning - "
        "too many subqueries or query is too complex."
    )
    return BigQueryError("resourcesExceeded", text, location="query")


def _is_ordered(scan: Any) -> bool:
    return bool(get(unwrap(scan), "is_ordered"))
