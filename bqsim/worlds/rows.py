"""Rows, schemas and metadata back to a mark of the catalog, in one transaction.

Stored tables keep every row version, so that the rows of a moment are there as long as nothing removes them:
versions that began later are deleted, ends that came later are lifted. Only tables that have changed are
looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from bqsim.catalog.history import TableVersion
from bqsim.catalog.marks import Mark, Ref, State, TableState
from bqsim.catalog.resources import Storage, Table
from bqsim.catalog.rollback import put_back, state_of
from bqsim.catalog.store import Catalog
from bqsim.engine.protocol import VERSION_BEGIN, VERSION_END, Session


def roll_back(
    catalog: Catalog, session: Session, mark: Mark, further: Callable[[Session], None] | None = None
) -> int:
    """Make all resources and rows what they were at ``mark``; how many resources had changed.

    ``further`` is done in the same transaction.
    """
    with _changed_since(catalog, mark) as before, session.transaction():
        now = {ref: state_of(catalog, ref) for ref in before}
        put_back_rows(session, before, now)
        wanted = _with_columns(before, now)
        put_back(catalog, session, mark, wanted, catalog.clock.now_us())
        for name in _made_since(mark, now, wanted):
            session.drop_table(name)
        if further is not None:
            further(session)
    return len(before)


@contextmanager
def _changed_since(catalog: Catalog, mark: Mark) -> Iterator[Mapping[Ref, State]]:
    """What has changed since ``mark``, with the write locks of all of it."""
    before = catalog.marks.since(mark)
    while True:
        with catalog.lock(*before):
            held, before = before.keys(), catalog.marks.since(mark)
            if before.keys() <= held:
                yield before
                return


def put_back_rows(session: Session, before: Mapping[Ref, State], now: Mapping[Ref, State]) -> None:
    """Make the rows of stored tables those of their versions ``before``."""
    for ref, state in before.items():
        table = _current(state)
        if table is None or table.storage is None:
            continue
        present = _current(now[ref])
        if present is not None and present.version == table.version and _same_place(present, table):
            continue
        name, version = table.storage.engine_table, table.version
        session.execute(f"DELETE FROM {name} WHERE {VERSION_BEGIN} > {version}")
        session.execute(f"UPDATE {name} SET {VERSION_END} = NULL WHERE {VERSION_END} > {version}")
        if table.storage.changes is not None:
            log = table.storage.changes.engine_table
            session.execute(f"DELETE FROM {log} WHERE {VERSION_BEGIN} > {version}")


def _current(state: State) -> Table | None:
    if not isinstance(state, TableState) or state.version is None:
        return None
    return state.version.table


def _same_place(a: Table, b: Table) -> bool:
    return (
        a.storage is not None and b.storage is not None and a.storage.engine_table == b.storage.engine_table
    )


def _with_columns(before: Mapping[Ref, State], now: Mapping[Ref, State]) -> dict[Ref, State]:
    """``before``, as the engine's tables are now: columns that were added since keep their numbers, and a
    change log that was made anew since begins another time.
    """
    highest: dict[str, int] = {}
    logs: dict[str, set[tuple[str, ...]]] = {}
    for storage in _storages(now):
        highest[storage.engine_table] = max(highest.get(storage.engine_table, 0), storage.next_column)
        if storage.changes is not None:
            logs.setdefault(storage.changes.engine_table, set()).add(storage.changes.columns)

    def renumbered(version: TableVersion) -> TableVersion:
        storage = version.table.storage
        if storage is None:
            return version
        changes = storage.changes
        if changes is not None and logs.get(changes.engine_table, set()) - {changes.columns}:
            changes = replace(changes, columns=())
        next_column = max(highest.get(storage.engine_table, 0), storage.next_column)
        storage = replace(storage, next_column=next_column, changes=changes)
        return replace(version, table=replace(version.table, storage=storage))

    return {
        ref: replace(state, version=renumbered(state.version))
        if isinstance(state, TableState) and state.version is not None
        else state
        for ref, state in before.items()
    }


def _made_since(mark: Mark, now: Mapping[Ref, State], wanted: Mapping[Ref, State]) -> list[str]:
    """Engine tables of the world as it is that were made after ``mark``, which nothing names any more:
    those of tables (``t7``) by their numbers, and their change logs (``t7_changes``).
    """
    names = {name for storage in _storages(now) for name in storage.engine_tables}
    kept = {name for storage in _storages(wanted) for name in storage.engine_tables}
    return sorted(name for name in names - kept if "_" in name or int(name[1:]) >= mark.engine_table)


def _storages(states: Mapping[Ref, State]) -> Iterator[Storage]:
    for state in states.values():
        if isinstance(state, TableState):
            for version in (*_present(state.version), *state.past):
                if version.table.storage is not None:
                    yield version.table.storage


def _present(version: TableVersion | None) -> Iterable[TableVersion]:
    return () if version is None else (version,)
