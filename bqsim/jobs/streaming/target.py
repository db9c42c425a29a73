"""What rows may be streamed into."""

from __future__ import annotations

from bqsim.catalog.resources import Table, TableKind
from bqsim.errors import invalid


def streamable(table: Table) -> Table:
    """``table``, when it takes rows; else the service's error."""
    if table.kind is not TableKind.TABLE:
        raise invalid(
            f"{table.ref.api_name} is not allowed for this operation because it is currently a {table.kind}."
        )
    if not table.fields:
        raise invalid("The destination table has no schema.")
    return table
