"""Tables, filters, projections, order and limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import expressions as exp

from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import Table, TableKind
from bqsim.engine.protocol import VERSION_BEGIN, VERSION_END
from bqsim.errors import invalid_query
from bqsim.sql.googlesql.resolved import has, unwrap
from bqsim.sql.plan import Filtering, Scan
from bqsim.types import TypeKind

from . import materialized, nodes, policies
from .block_conditions import block_condition
from .collation import named_key
from .leaves import names_read
from .partition_conditions import partition_condition, partition_filters
from .pushdown import note_conditions, scan_conditions
from .registry import Unsupported
from .relation import Place, Relation, Stage, place_node
from .spatial import bounds_conditions
from .types import column_type
from .zone_ranges import range_conditions

if TYPE_CHECKING:
    from bqsim.catalog.buffers import Buffer

    from .lowering import Lowering


def single_row(low: Lowering, node: Any) -> Relation:
    return Relation(None, {})


def filter_scan(low: Lowering, node: Any) -> Relation:
    note_conditions(low, node)
    relation = low.simple(low.relation(node.input_scan))
    relation.where.append(low.expression(node.filter_expr))
    relation.where += bounds_conditions(low, node.filter_expr, node.input_scan)
    return relation


def project_scan(low: Lowering, node: Any) -> Relation:
    relation = low.relation(node.input_scan)
    if not node.expr_list:
        return relation
    if relation.computed or relation.stage >= Stage.LIMITED:
        relation = low.closed(relation)
    places: dict[int, Place] = {}
    for item in node.expr_list:
        value = low.expression(item.expr)
        places[item.column.column_id] = plain_place(value) or value
    relation.columns = {**relation.columns, **places}
    wanted = [c.column_id for c in node.parent.column_list]
    relation.columns = {i: relation.columns[i] for i in wanted}
    relation.computed = any(p.__class__ is not tuple for p in relation.columns.values())
    return relation


def plain_place(value: Any) -> Place | None:
    """The place of a column, None for other expressions."""
    if value.__class__ is exp.Column:
        return (value.args["table"].this, value.args["this"].this)
    return None


def null_words(item: Any) -> str:
    """What follows the key of an ORDER BY item."""
    descending = bool(item.is_descending)
    first = item.null_order == 1 if item.null_order else not descending
    return f" {'DESC' if descending else 'ASC'} NULLS {'FIRST' if first else 'LAST'}"


def order_items(low: Lowering, items: Any) -> list[Any]:
    """ORDER BY items: NULL first ascending and last descending unless said otherwise; NaN below every
    number.
    """
    out: list[Any] = []
    for item in items:
        words = null_words(item)
        ref = unwrap(item.column_ref)
        key = low.expression(ref)
        if item.collation.collation_name:
            key = named_key(key, item.collation.collation_name)
        elif has(item, "collation_name"):
            key = named_key(key, low.constant(item.collation_name) or "")
        kind = column_type(ref.column).kind
        if kind is TypeKind.FLOAT64:
            nan_words = words.replace("DESC", "ASC") if "DESC" in words else words.replace("ASC", "DESC")
            out.append(nodes.joined("isnan(", "", [key], ")" + nan_words))
        elif kind is TypeKind.RANGE:
            out += _range_items(key, words)
            continue
        elif kind in _UNORDERED:
            raise Unsupported(f"ORDER BY a value of type {kind}")
        out.append(nodes.joined("", "", [key], words))
    return out


_UNORDERED = frozenset({TypeKind.ARRAY, TypeKind.STRUCT, TypeKind.JSON, TypeKind.GEOGRAPHY})


def _range_items(key: Any, words: str) -> list[Any]:
    """Ranges by start, an absent one first, then by end, an absent one last; NULL where the words say."""
    direction, nulls = words.split(" NULLS ")
    ascending = direction == " ASC"
    start = nodes.template("struct_extract({0}, 'start')", key)
    end = nodes.template("struct_extract({0}, 'end')", key)
    return [
        nodes.joined("", "", [nodes.template("({0} IS NULL)", key)], " DESC" if nulls == "FIRST" else " ASC"),
        nodes.joined("", "", [start], f"{direction} NULLS {'FIRST' if ascending else 'LAST'}"),
        nodes.joined("", "", [end], f"{direction} NULLS {'LAST' if ascending else 'FIRST'}"),
    ]


def order_by_scan(low: Lowering, node: Any) -> Relation:
    relation = low.relation(node.input_scan)
    if relation.computed or relation.stage >= Stage.ORDERED:
        relation = low.closed(relation)
    relation.order = order_items(low, node.order_by_item_list)
    relation.stage = Stage.ORDERED
    return relation


def limit_offset_scan(low: Lowering, node: Any) -> Relation:
    relation = low.relation(node.input_scan)
    if relation.stage >= Stage.LIMITED:
        relation = low.closed(relation)
    relation.limit = row_count(low, node.limit, "LIMIT") if has(node, "limit") else None
    relation.offset = row_count(low, node.offset, "OFFSET") if has(node, "offset") else None
    relation.stage = Stage.LIMITED
    return relation


def row_count(low: Lowering, node: Any, clause: str) -> Any:
    value = low.constant(node)
    if value is None:
        raise invalid_query(f"{clause} must not be null")
    if value < 0:
        raise invalid_query(f"{clause} expects a non-negative integer literal or parameter")
    return nodes.raw(str(value))


def table_scan(low: Lowering, node: Any) -> Relation:
    name = node.table.full_name or node.table.name
    source = low.analyzed.sources.get(name)
    if source is None:
        raise Unsupported(f"table {name}")
    table = source.table
    if table.kind is TableKind.EXTERNAL and "virtual" in table.metadata:
        return external(low, node, source)
    if "virtual" in table.metadata:
        return virtual(low, node, table)
    if source.matches:
        from .wildcards import wildcard

        return wildcard(low, node, source)
    if table.kind is TableKind.MATERIALIZED_VIEW:
        return materialized_view(low, node, table)
    if table.kind is TableKind.VIEW:
        return view(low, node, table)
    return stored_table(low, node)


def virtual(low: Lowering, node: Any, table: Table) -> Relation:
    """A view of INFORMATION_SCHEMA: rows that are made when the query runs, as an input of it."""
    name = f"_bq_virtual_{len(low.shared.inputs) + 1}"
    read = scan_columns(node)
    rows = table.metadata["virtual"].narrowed(frozenset(i for _, i in read), scan_conditions(low, read))
    low.shared.inputs[name] = (table.fields, rows)
    low.shared.deterministic = False
    label = low.label()
    columns: dict[int, Place] = {c.column_id: (label, f"c{i + 1}") for c, i in read}
    low.places.update(columns)
    return Relation(nodes.table(label, name), columns)


def external(low: Lowering, node: Any, source: Any) -> Relation:
    """An external table: rows that are read from its files when the query runs, as an input of it."""
    table = source.table
    low.shared.columns_read.setdefault(table.ref, {})
    name = f"_bq_external_{len(low.shared.inputs) + 1}"
    low.shared.inputs[name] = (
        source.columns,
        table.metadata["virtual"].reading(fields_read(low, node, table)),
    )
    low.shared.deterministic = False
    label = low.label()
    columns: dict[int, Place] = {c.column_id: (label, f"c{i + 1}") for c, i in scan_columns(node)}
    low.places.update(columns)
    return Relation(nodes.table(label, name), columns)


def materialized_view(low: Lowering, node: Any, table: Table) -> Relation:
    """A materialized view: its stored rows where they stand for its query, else the query."""
    reason = materialized.rejected(low, table)
    low.shared.materialized[table.ref] = reason
    if reason is not None:
        return view(low, node, table)
    relation = stored_table(low, node)
    for base in materialized.base_refs(table):
        low.shared.columns_read.setdefault(base, {})
    return relation


def view(low: Lowering, node: Any, table: Table) -> Relation:
    """A view: its query as a derived table, lowered in a scope of its own."""
    from bqsim.sql.statements.partition_filter import check_view

    shared = low.shared
    if table.ref in shared.open_views:
        raise invalid_query(f"View {table.ref.sql_name} refers to itself")
    shared.views[table.ref] = None
    shared.open_views += (table.ref,)
    inner, columns = lowering_of(low, node, table)
    check_view(low, inner, columns)
    relation = inner.relation(inner.analyzed.statement.query)
    shared.open_views = shared.open_views[:-1]
    query = relation.finish(
        [
            nodes.alias(place_node(relation.columns[inner_id]), f"k{outer_id}")
            for outer_id, inner_id in columns
        ]
    )
    label = low.label()
    return low.source(nodes.derived(query, label), label, [outer_id for outer_id, _ in columns])


def lowering_of(low: Lowering, node: Any, table: Table) -> tuple[Lowering, list[tuple[int, int]]]:
    """A lowering of the query of a view that a scan reads, told what is asked of it; and the ids of the
    scan's columns with those of the view's outputs that they are."""
    from .lowering import Lowering

    inner = Lowering(low.views(table, low.ctx), low.ctx, low.catalog, low.views, low.shared)
    outputs = [c.column.column_id for c in inner.analyzed.statement.output_column_list]
    columns = [(c.column_id, outputs[i]) for c, i in scan_columns(node)]
    inner.outer_notes = {mine: low.notes[outer] for outer, mine in columns if outer in low.notes}
    if low.paths is not None:
        inner.outer_paths = {mine: low.paths[outer] for outer, mine in columns if outer in low.paths}
    return inner, columns


def scan_columns(node: Any) -> list[tuple[Any, int]]:
    """The columns of a table scan with their positions in the table."""
    return list(zip(node.parent.column_list, node.column_index_list, strict=True))


def stored_table(low: Lowering, node: Any) -> Relation:
    """The rows of a stored table that the caller sees: live ones, or those of FOR SYSTEM_TIME AS OF."""
    table = low.analyzed.sources[node.table.full_name or node.table.name].table
    relation = all_rows(low, node, table)
    return policies.visible(low, table, relation, relation.source.alias)


def all_rows(low: Lowering, node: Any, table: Table) -> Relation:
    """All rows of a stored table, whatever its row access policies."""
    storage = table.storage
    if storage is None:
        raise Unsupported(f"table {table.ref.sql_name} without stored rows")
    label = low.label()
    columns: dict[int, Place] = {}
    for column, index in scan_columns(node):
        if index >= len(table.fields):
            columns[column.column_id] = pseudo_column(table, column, label, buffer_of(low, table))
            continue
        columns[column.column_id] = (label, storage.columns[index])
    note_stored(low, node, table)
    computed = any(p.__class__ is not tuple for p in columns.values())
    relation = Relation(nodes.table(label, storage.engine_table), columns, computed)
    low.places.update(columns)
    relation.where.append(live(low, node, label))
    relation.where += range_conditions(low, node, table, label)
    return relation


def fields_read(low: Lowering, node: Any, table: Table) -> tuple[str, ...]:
    """The names of the columns of a table, and of the fields in them, that a scan reads."""
    names: dict[str, None] = {}
    for column, index in scan_columns(node):
        if index < len(table.fields):
            names.update(dict.fromkeys(names_read(low, column.column_id, table.fields[index])))
    return tuple(names)


def note_stored(low: Lowering, node: Any, table: Table) -> None:
    """Note what a scan reads of a stored table."""
    names, share = fields_read(low, node, table), low.sampled
    scan = Scan(names, share=share)
    if table.time_partitioning is not None or table.range_partitioning is not None or table.clustering:
        blocks, filters = block_condition(low, node, table)
        condition = partition_condition(low, node, table)
        at_most = bool(filters) and filters[0][1] is not Filtering.NO_FILTER
        filters = (*partition_filters(low, node, table, condition), *filters)
        scan = Scan(names, condition, at_most=at_most, blocks=blocks, share=share, filters=filters)
    note_scan(low, table.ref, scan)
    low.shared.columns_read.setdefault(table.ref, {}).update(dict.fromkeys(names))


def note_scan(low: Lowering, ref: TableRef, scan: Scan) -> None:
    """Note a scan that may leave a part of a table out, and others of the same table. It is to be noted
    before its columns are."""
    shared = low.shared
    if ref not in shared.scans:
        if scan == Scan(scan.columns, suffix=scan.suffix):
            return
        before = shared.columns_read.get(ref)
        shared.scans[ref] = [Scan(tuple(before))] if before else []
    shared.scans[ref].append(scan)


def pseudo_column(table: Table, column: Any, label: str, buffer: Buffer | None = None) -> exp.Expression:
    """_PARTITIONTIME and _PARTITIONDATE: the partition in which a row is."""
    return partition_value(table, column_type(column).kind, label, buffer)


def partition_value(table: Table, kind: TypeKind, label: str, buffer: Buffer | None = None) -> exp.Expression:
    """The beginning of the partition in which a row of relation ``label`` is, as a TIMESTAMP or DATE; NULL in
    none, as rows are while the streaming ``buffer`` holds them.
    """
    storage = table.storage
    assert storage is not None and storage.partition is not None
    start: exp.Expression = nodes.column(label, storage.partition)
    if buffer is not None:
        held = buffer.holds("{1}")
        began = nodes.column(label, VERSION_BEGIN)
        start = nodes.template(f"CASE WHEN {held} THEN NULL ELSE {{0}} END", start, began)
    if kind is TypeKind.DATE:
        return nodes.template("CAST({0} AS DATE)", start)
    return start


def buffer_of(low: Lowering, table: Table) -> Buffer | None:
    """What the streaming buffer of a table holds. What plans are kept by tells of it too."""
    if low.catalog is None or table.storage is None:
        return None
    return low.catalog.buffers.find(table.storage.engine_table)


def live(low: Lowering, node: Any, label: str) -> exp.Expression:
    """The condition of the row versions that a scan reads."""
    end = nodes.column(label, VERSION_END)
    if has(node, "for_system_time_expr"):
        moment = nodes.template("epoch_us({0})", low.expression(node.for_system_time_expr))
    elif low.ctx.rows_at_us is not None:
        moment = nodes.template(str(low.ctx.rows_at_us))
    else:
        return nodes.template("({0} IS NULL)", end)
    begin = nodes.column(label, VERSION_BEGIN)
    return nodes.template("({0} <= {2} AND ({1} IS NULL OR {1} > {2}))", begin, end, moment)


def table_ref(name: str) -> TableRef:
    return TableRef(*name.split(".", 2))


def barrier(low: Lowering, node: Any) -> Relation:
    return low.relation(node.input_scan)


SCANS = {
    "ResolvedSingleRowScan": single_row,
    "ResolvedTableScan": table_scan,
    "ResolvedFilterScan": filter_scan,
    "ResolvedProjectScan": project_scan,
    "ResolvedOrderByScan": order_by_scan,
    "ResolvedLimitOffsetScan": limit_offset_scan,
    "ResolvedBarrierScan": barrier,
    "ResolvedExecuteAsRoleScan": barrier,
}
