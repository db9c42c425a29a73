"""What clones and snapshots are billed for: only what differs from the table that they were made of.

Pages "Introduction to table clones" and "Introduction to table snapshots": rows that were added or changed in
a clone are billed with it, and so are those that have been changed or deleted in the base since, with the
oldest of its clones and snapshots that hold them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import Table
from bqsim.engine.protocol import VERSION_BEGIN, VERSION_END, Session

from .sizes import sums
from .storage_figures import Figures

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bqsim.catalog.store import Catalog

US_PER_MS = 1000
# A table is filled within so long after the statement that makes it began.
_FILLED_US = 60_000_000


def billed(
    catalog: Catalog,
    session: Session,
    tables: Sequence[Table],
    figures: Sequence[Figures],
    known: dict[TableRef, int],
) -> list[Figures]:
    """The figures of tables with no more of clones and snapshots than what they are billed for. ``known``
    keeps these bytes.
    """
    families = _families(catalog, tables)
    found = []
    for table, figure in zip(tables, figures, strict=True):
        if table.base_table is None:
            found.append(figure)
            continue
        if table.ref not in known:
            known[table.ref] = _difference(catalog, session, table, families[table.base_table])
        delta = min(known[table.ref], figure.total)
        aged = delta if figure.long_term and not figure.active else 0
        found.append(replace(figure, active=delta - aged, long_term=aged))
    return found


def _families(catalog: Catalog, tables: Sequence[Table]) -> Mapping[TableRef, list[Table]]:
    """The clones and snapshots of each base that one of ``tables`` has, oldest first."""
    found: dict[TableRef, list[Table]] = {t.base_table: [] for t in tables if t.base_table is not None}
    if found:
        for project in catalog.projects():
            for dataset in catalog.datasets(project):
                for table in catalog.tables(dataset.ref):
                    if table.base_table in found:
                        found[table.base_table].append(table)
    return {base: sorted(members, key=_moment) for base, members in found.items()}


def _moment(table: Table) -> tuple[int, int, str]:
    return (table.snapshot_ms or 0, table.created_ms, table.ref.sql_name)


def _difference(catalog: Catalog, session: Session, table: Table, family: Sequence[Table]) -> int:
    """The logical bytes that a clone or snapshot is billed for."""
    storage = table.storage
    if storage is None or not table.num_rows:
        return 0
    live = f"{VERSION_END} IS NULL"
    begun = session.scalar(f"SELECT min({VERSION_BEGIN}) FROM {storage.engine_table}")
    origin = int(str(begun or 0))
    if origin >= table.created_ms * US_PER_MS + _FILLED_US:
        # It was made without rows.
        return _bytes(session, table, live)
    own = _bytes(session, table, f"{VERSION_BEGIN} > {origin} AND {live}")
    taken = _bytes(session, table, f"{VERSION_BEGIN} = {origin} AND {live}")
    older = [t for t in family[: family.index(table)] if t.num_rows] if table in family else []
    base = None if table.base_table is None else catalog.find_table(table.base_table)
    if base is None or base.storage is None or base.created_ms > (table.snapshot_ms or 0):
        # Of a base that is gone the oldest holds all that the others do.
        return own + (0 if older else taken)
    at_us = _taken_us(table, origin)
    gone = f"{VERSION_BEGIN} <= {at_us} AND {VERSION_END} > {at_us}"
    if older:
        gone += (
            f" AND {VERSION_BEGIN} > {_taken_us(older[-1], older[-1].created_ms * US_PER_MS + _FILLED_US)}"
        )
    return own + min(taken, _bytes(session, base, gone))


def _taken_us(table: Table, origin: int) -> int:
    """As of when the rows of the base were taken."""
    return min(origin, (table.snapshot_ms or 0) * US_PER_MS + US_PER_MS - 1)


def _bytes(session: Session, table: Table, condition: str) -> int:
    assert table.storage is not None
    return sum(sums(session, table, table.storage.columns, condition)[1].values())
