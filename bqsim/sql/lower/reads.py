"""What a statement reads of tables, noted without lowering it: the evaluator's queries are charged for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bqsim.catalog.resources import TableKind
from bqsim.errors import invalid_query
from bqsim.sql.googlesql.resolved import node_name, walk

from .scans import fields_read, lowering_of, note_stored

if TYPE_CHECKING:
    from .lowering import Lowering


def note_reads(low: Lowering, within: bool = False) -> None:
    """Note what the scans of a statement read, through views.

    ``low.shared.inputs`` gets the rows of its own tables that are made or read when it runs, by the full
    names of the tables; those behind views (``within``) belong to the plans of the views.
    """
    shared = low.shared
    for node in walk(low.analyzed.statement):
        if node_name(node) != "ResolvedTableScan":
            continue
        source = low.analyzed.sources.get(node.table.full_name or node.table.name)
        if source is None:
            continue
        table = source.table
        if "virtual" in table.metadata:
            shared.columns_read.setdefault(table.ref, {})
            if not within:
                rows = table.metadata["virtual"]
                if table.kind is TableKind.EXTERNAL:
                    rows = rows.reading(fields_read(low, node, table))
                shared.inputs[table.ref.sql_name] = (table.fields, rows)
        elif table.view_query is not None:
            if table.ref in shared.open_views:
                raise invalid_query(f"View {table.ref.sql_name} refers to itself")
            shared.open_views += (table.ref,)
            note_reads(lowering_of(low, node, table)[0], within=True)
            shared.open_views = shared.open_views[:-1]
        elif table.storage is not None:
            note_stored(low, node, table)
