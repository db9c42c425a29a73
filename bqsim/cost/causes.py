"""Why a query costs other than it did: what differs between two estimates and two texts, by name.

Both estimates are of the same tables, so that a difference is of the text (or of the job's configuration) and
not of tables that have grown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .bench import changed_by
from .causes_known import CAUSES
from .model import Estimate, Measured, Query, TableRead
from .structure import Structure, structure_of
from .units import shown_bytes

PRUNES, NO_FILTER, NO_PREFIX = "PRUNES", "NO_FILTER", "NO_PREFIX"
# Statements whose target is read to find the rows that they change.
_CHANGING = frozenset({"MERGE", "UPDATE", "DELETE"})


@dataclass(frozen=True, slots=True)
class Cause:
    """A difference: its ``code`` is one of :data:`CAUSES`; ``text`` says what it is here; ``added`` are the
    bytes that it adds, 0 where that is not known."""

    code: str
    text: str
    table: str = ""
    added: int = 0

    @property
    def title(self) -> str:
        return CAUSES[self.code].title

    @property
    def advice(self) -> str:
        return CAUSES[self.code].advice


def causes(before: Measured, after: Measured) -> list[Cause]:
    """The causes, those that add most first."""
    found = dict.fromkeys(_Difference(before, after).all())
    return sorted(found, key=lambda c: -c.added)


@dataclass(slots=True)
class _Difference:
    before: Measured
    after: Measured

    def all(self) -> Iterator[Cause]:
        old, new = structure_of(self.before.query.sql), structure_of(self.after.query.sql)
        yield from self.settings(self.before.query, self.after.query)
        yield from self.statement()
        yield from self.tables(old, new)
        if old is not None and new is not None:
            yield from self.shape(old, new)
        yield from self.cache()

    @property
    def rise(self) -> int:
        return self.after.estimate.bytes_processed - self.before.estimate.bytes_processed

    # What stands beside the text

    def settings(self, old: Query, new: Query) -> Iterator[Cause]:
        guard, processed = new.max_bytes_billed, self.after.estimate.bytes_billed
        if old.max_bytes_billed and not guard:
            text = f"maximumBytesBilled was {shown_bytes(old.max_bytes_billed)}, now nothing bounds the bill"
            yield Cause("lost_max_bytes_billed", text)
        if guard and processed > guard:
            text = f"it would be billed {shown_bytes(processed)}, maximumBytesBilled is {shown_bytes(guard)}"
            yield Cause("over_max_bytes_billed", text)
        if new.configuration.get("useLegacySql") and not old.configuration.get("useLegacySql"):
            yield Cause("legacy_sql", "the query is run as legacy SQL now")

    def statement(self) -> Iterator[Cause]:
        old, new = self.before.estimate.statement_type, self.after.estimate.statement_type
        if old != new and old and new:
            added = max(self.rise, 0)
            yield Cause("statement_changed", f"it was a {old} statement, now it is {new}", added=added)

    def cache(self) -> Iterator[Cause]:
        old, new = self.before.estimate, self.after.estimate
        if old.cacheable and new.uncacheable and not new.error:
            yield Cause("lost_cache", "; ".join(new.uncacheable))
        varied = self.after.query.varied
        if new.cacheable and varied > max(self.before.query.varied, 1):
            text = f"{varied} texts were sent that differ in comments and spaces only"
            yield Cause("cache_missed_by_text", text)

    # Tables

    def tables(self, old: Structure | None, new: Structure | None) -> Iterator[Cause]:
        then, now = self.before.estimate, self.after.estimate
        wild = {t for group in (*then.wildcards, *now.wildcards) for t in group}
        widened = list(self.wildcards(then, now, old, new))
        yield from widened
        for table in now.tables:
            previous = then.read_of(table.table)
            if previous is None:
                if table.table not in wild or not widened:
                    yield self.added_table(table, old, new)
                continue
            yield from self.partitions(previous, table, now, old, new)
            yield from self.clusters(previous, table, new)
            if table.table not in wild or not widened:
                yield from self.columns(previous, table, old, new)

    def added_table(self, table: TableRead, old: Structure | None, new: Structure | None) -> Cause:
        size = table.bytes or 0
        more = len(new.joins) - len(old.joins) if old is not None and new is not None else 0
        read = f", {shown_bytes(size)} of it" if size else ""
        code = "join_added" if more > 0 else "table_added"
        verb = "is joined now" if more > 0 else "is read now"
        return Cause(code, f"{table.table} {verb}{read}", table.table, size or max(self.rise, 0))

    def partitions(
        self, old: TableRead, new: TableRead, now: Estimate, before: Structure | None, after: Structure | None
    ) -> Iterator[Cause]:
        if new.partitions is None or not new.filters:
            return
        column = new.filters[0][0][0]
        then, is_now = old.filtering(column), new.filtering(column)
        read_then, read_now = (old.partitions or new.partitions)[0], new.partitions[0]
        worse = {PRUNES} & then and is_now - {PRUNES} and not then - {PRUNES}
        if not worse and read_now <= read_then:
            return
        if not then and read_now <= read_then:
            return
        added = max((new.bytes or 0) - (old.bytes or 0), 0)
        counts = f"{read_now:,} of {new.partitions[1]:,} partitions of {new.table}, {read_then:,} before"
        code, why = self.filter_cause(column, bool(worse), is_now, after)
        if code == "wider_partition_filter" and read_now <= read_then:
            return
        if self.is_target(new, now):
            code = "merge_partitions"
            why = f"the {now.statement_type} statement's target is less narrowed by {column}: {why}"
        yield Cause(code, f"{why}: {counts}", new.table, added)

    def filter_cause(
        self, column: str, worse: bool, is_now: set[str], after: Structure | None
    ) -> tuple[str, str]:
        name = column.casefold()
        conditions = after.columns.get(name, ()) if after is not None else ()
        shown = f"`{conditions[0]}`" if conditions else column
        if not worse:
            return "wider_partition_filter", f"the filter on {column} admits more"
        if after is not None and name in after.by_query:
            return "unprunable_partition_filter", f"{shown} compares {column} with a query"
        if after is not None and name in after.wrapped:
            return "unprunable_partition_filter", f"{shown} computes something of {column}"
        if after is not None and name in after.apart:
            return "unprunable_partition_filter", f"{shown} has an alternative without {column}"
        if NO_FILTER in is_now and not conditions:
            return "lost_partition_filter", f"nothing filters {column}"
        if PRUNES in is_now and NO_FILTER in is_now:
            return "lost_partition_filter", f"one read of the table has no filter on {column}"
        return "unprunable_partition_filter", f"{shown} is no comparison of {column} with constants"

    def is_target(self, table: TableRead, now: Estimate) -> bool:
        if now.statement_type not in _CHANGING:
            return False
        query = self.after.query
        return table.table in changed_by(query, query.sql, table.table.split(".")[0])

    def clusters(self, old: TableRead, new: TableRead, after: Structure | None) -> Iterator[Cause]:
        skip = 1 if new.partitions is not None else 0
        first = _cluster_columns(new, skip)
        if not first or not old.filters:
            return
        then = {c for c in first if PRUNES in old.filtering(c)}
        is_now = {c for c in first if PRUNES in new.filtering(c) and not new.filtering(c) - {PRUNES}}
        lost = [c for c in first if c in then and c not in is_now]
        if not lost:
            return
        added = max((new.bytes or 0) - (old.bytes or 0), 0) if new.partitions == old.partitions else 0
        column = lost[0]
        filtered = [c for c in first if new.filtering(c) - {NO_FILTER}]
        if filtered and NO_FILTER in new.filtering(column):
            text = f"{', '.join(filtered)} is filtered without {column}, which comes before it"
            yield Cause("cluster_prefix_broken", f"{text} in the clustering of {new.table}", new.table, added)
        elif filtered:
            conditions = after.columns.get(column.casefold(), ()) if after is not None else ()
            shown = f" (`{conditions[0]}`)" if conditions else ""
            text = f"the filter on {column}{shown} says nothing of blocks of {new.table}"
            yield Cause("cluster_prefix_broken", text, new.table, added)
        else:
            text = f"nothing filters {column}, by which {new.table} is clustered"
            yield Cause("lost_cluster_filter", text, new.table, added)

    def columns(
        self, old: TableRead, new: TableRead, before: Structure | None, after: Structure | None
    ) -> Iterator[Cause]:
        more = [c for c in new.columns if c not in old.columns]
        if not more or ((new.bytes or 0) <= (old.bytes or 0) and self.rise <= 0):
            return
        added = 0
        if old.partitions == new.partitions:
            added = max((new.bytes or 0) - (old.bytes or 0), 0)
        names = ", ".join(more[:8]) + (f" and {len(more) - 8} more" if len(more) > 8 else "")
        starred = after is not None and before is not None and after.stars > before.stars
        code = "select_star" if starred else "more_columns"
        text = f"a star reads all of {new.table}: also {names}" if starred else f"{new.table}: also {names}"
        yield Cause(code, text, new.table, added)

    def wildcards(
        self, then: Estimate, now: Estimate, old: Structure | None, new: Structure | None
    ) -> Iterator[Cause]:
        if old is None or new is None or not new.wildcards or self.rise <= 0:
            return
        matched, before = (
            len({t for g in now.wildcards for t in g}),
            len({t for g in then.wildcards for t in g}),
        )
        suffix = "_table_suffix"
        if not old.wildcards:
            if not before:
                text = f"{', '.join(new.wildcards)} reads {matched:,} tables, one was named before"
                yield Cause("wildcard_widened", text, added=self.rise)
        elif old.wildcards != new.wildcards and matched > before:
            text = f"{', '.join(new.wildcards)} matches {matched:,} tables, {before:,} before"
            yield Cause("wildcard_widened", text, added=self.rise)
        elif old.columns.get(suffix) != new.columns.get(suffix):
            lost = (
                "no filter on _TABLE_SUFFIX" if suffix not in new.columns else "the filter on _TABLE_SUFFIX"
            )
            text = f"{lost} leaves fewer of {matched:,} tables out"
            yield Cause("wildcard_widened", text, added=self.rise)

    # The text

    def shape(self, old: Structure, new: Structure) -> Iterator[Cause]:
        untied = [j for j in new.joins if j.untied]
        if len(untied) > sum(j.untied for j in old.joins):
            what = untied[-1].what
            yield Cause(
                "cross_join", f"no condition ties {what} to the rest: every row meets every row", what
            )
        elif len(new.joins) > len(old.joins):
            known = {t.table for t in self.before.estimate.tables}
            if all(t.table in known for t in self.after.estimate.tables):
                added = [j.what for j in new.joins if j.what not in {o.what for o in old.joins}]
                more = added or [j.what for j in new.joins]
                yield Cause("join_added", f"{', '.join(more)} is joined once more")
        if old.outer_limit is not None and new.outer_limit is None:
            yield Cause("lost_limit", f"LIMIT {old.outer_limit} is gone")
        if old.sampled and not new.sampled:
            yield Cause("lost_sample", "all blocks are read", added=max(self.rise, 0))
        for name, n in new.rereads.items():
            if n > old.rereads.get(name, 1):
                text = (
                    f"{name} is read {n} times, {old.rereads.get(name, 1)} before: it is computed each time"
                )
                yield Cause("cte_reread", text, name)
        for name, n in new.branches.items():
            if n > old.branches.get(name, 1):
                yield Cause("same_table_union", f"{n} branches of a UNION read {name}", name)
        yield from self.order(old, new)

    def order(self, old: Structure, new: Structure) -> Iterator[Cause]:
        """The largest table no longer first: the others are to be held against it."""
        if old.order == new.order or sorted(old.order) != sorted(new.order) or len(new.order) < 2:
            return
        sizes = self.sizes(new.order)
        largest = max(sizes, key=lambda n: sizes[n])
        if sizes[largest] and old.order[0] == largest and new.order[0] != largest:
            first = new.order[0]
            yield Cause("join_order", f"{largest} is the largest table, but {first} comes first now", largest)

    def sizes(self, names: tuple[str, ...]) -> Mapping[str, int]:
        tables = self.after.estimate.tables
        return {
            name: max(
                (t.bytes or 0 for t in tables if t.table.endswith(f".{name}") or t.table == name), default=0
            )
            for name in names
        }


def _cluster_columns(table: TableRead, skip: int) -> list[str]:
    found: dict[str, None] = {}
    for scan in table.filters:
        for name, _ in scan[skip:]:
            found[name] = None
    return list(found)
