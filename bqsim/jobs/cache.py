"""The result cache, by the rules of the page *Use cached query results*."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bqsim.catalog.refs import RoutineRef, TableRef
from bqsim.catalog.resources import Routine, Table
from bqsim.sql.plan import Route

if TYPE_CHECKING:
    from bqsim.jobs.results import ResultSet
    from bqsim.sql.plan import StatementResult

# How many distinct queries are remembered, all users together.
ENTRIES = 10_000


@dataclass(frozen=True, slots=True)
class CachedResult:
    """A result with what it was computed from: tables, views and routines with the etags that they had."""

    result: ResultSet
    statement_type: str
    route: Route
    etags: tuple[tuple[TableRef | RoutineRef, str], ...]


class ResultCache:
    """Finished results by query key. ``find_table`` and ``find_routine`` look into the catalog.

    What reads a table that ``is_buffered``, with rows in its streaming buffer, is not kept.
    """

    def __init__(
        self,
        find_table: Callable[[TableRef], Table | None],
        find_routine: Callable[[RoutineRef], Routine | None],
        is_buffered: Callable[[Table], bool] = lambda table: False,
    ) -> None:
        self._find_table = find_table
        self._find_routine = find_routine
        self._is_buffered = is_buffered
        self._entries: OrderedDict[Hashable, CachedResult] = OrderedDict()

    def get(self, key: Hashable, now_us: int) -> CachedResult | None:
        """The result of ``key`` while it lives and nothing that it read has changed."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.result.dropped or entry.result.expires_us <= now_us or not self._unchanged(entry):
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        return entry

    def _unchanged(self, entry: CachedResult) -> bool:
        for ref, etag in entry.etags:
            found = self._find_table(ref) if isinstance(ref, TableRef) else self._find_routine(ref)
            if found is None or found.etag != etag:
                return False
            if isinstance(found, Table) and self._is_buffered(found):
                return False
        return True

    def put(
        self,
        key: Hashable,
        statement: StatementResult,
        result: ResultSet,
        changed: Callable[[TableRef | RoutineRef], bool],
    ) -> bool:
        """Keep the result of a statement; whether it may be kept.

        It may not when it depends on more than the tables named in its plan, or when one of them has
        ``changed`` since the statement began.
        """
        plan = statement.plan
        if statement.statement_type != "SELECT" or plan is None or not plan.deterministic or plan.inputs:
            return False
        etags: list[tuple[TableRef | RoutineRef, str]] = []
        for routine in map(self._find_routine, plan.routines):
            if routine is None:
                return False
            etags.append((routine.ref, routine.etag))
        for ref in (*plan.tables, *plan.views):
            table = self._find_table(ref)
            if table is None or self._is_buffered(table):
                return False
            etags.append((ref, table.etag))
        # Asked after the etags were taken: a change between the two must not pass for an old one.
        if any(changed(ref) for ref, _ in etags):
            return False
        self._entries[key] = CachedResult(result, statement.statement_type, statement.route, tuple(etags))
        if len(self._entries) > ENTRIES:
            self._entries.popitem(last=False)
        return True

    def clear(self) -> None:
        self._entries.clear()
