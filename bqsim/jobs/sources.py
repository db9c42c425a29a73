"""Tables that copy and extract jobs read: whole, one partition of them, as they were, or what came of them in
a range of times."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bqsim.catalog.history import HISTORY_US
from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import Storage, Table
from bqsim.engine.protocol import VERSION_BEGIN
from bqsim.errors import invalid, not_found
from bqsim.jobs.reading import table_ref
from bqsim.sql.row_security import protecting
from bqsim.sql.statements.buffered import flushed
from bqsim.sql.statements.partition_ids import in_partition
from bqsim.sql.statements.sizes import column_total
from bqsim.sql.statements.storage import live, storage_of

if TYPE_CHECKING:
    from bqsim.catalog.store import Catalog
    from bqsim.engine.protocol import Session
    from bqsim.jobs.job import Job
    from bqsim.sql.executor import Executor

US_PER_MS = 1000
# A time, or times from and up to which; the second may be left out.
_MOMENTS = re.compile(r"(-?\d{1,16})(?:(-)(-?\d{1,16})?)?\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Source:
    """A table to read: of ``table$partition`` one partition, of ``table@milliseconds`` the rows as they were
    at ``at_us``, of ``table@from-to`` those of them that came at ``since_us`` or later. Epoch microseconds;
    negative ones count from now, 0 is the oldest time that is there."""

    table: TableRef
    partition: str | None = None
    at_us: int | None = None
    since_us: int | None = None

    @property
    def timed(self) -> bool:
        """Whether it names times."""
        return self.at_us is not None or self.since_us is not None


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a stored table, as of ``at_us`` when it is set. ``which`` is a further engine condition of
    theirs, empty for none; ``partition`` the id of the only partition that is read."""

    table: Table
    at_us: int | None
    which: str
    partition: str | None

    @property
    def storage(self) -> Storage:
        return storage_of(self.table)

    @property
    def condition(self) -> str:
        """The engine condition of the rows."""
        condition = live(self.storage, self.at_us)
        return f"{condition} AND {self.which}" if self.which else condition

    def size(self, session: Session, executor: Executor) -> tuple[int, int]:
        """How many rows these are, and their logical bytes."""
        table = self.table
        if self.at_us is None and not self.which:
            return table.num_rows, executor.sizes.table(session, table)
        sizes = " + ".join(
            column_total(f, c) for f, c in zip(table.fields, self.storage.columns, strict=True)
        )
        found = session.scalar(
            f"SELECT [count(*), CAST({sizes or '0'} AS BIGINT)] FROM {self.storage.engine_table}"
            f" WHERE {self.condition}"
        )
        assert isinstance(found, list)
        rows, size = (int(number or 0) for number in found)
        return rows, size


def parse_source(given: object, name: str, project: str) -> Source:
    """Read a table reference with its decorators; ``name`` is that of the member. 400 for a bad one."""
    ref = table_ref({name: given}, name, project)
    rest, at, moment = ref.table.partition("@")
    table, dollar, partition = rest.partition("$")
    if dollar and not partition:
        raise invalid(f'Invalid table ID "{ref.table}".', name)
    ref = replace(ref, table=table)
    if not at:
        return Source(ref, partition or None)
    found = _MOMENTS.match(moment)
    if found is None:
        raise invalid(f"Invalid {'range' if '-' in moment[1:] else 'snapshot'} decorator @{moment}", name)
    first, last = (None if text in (None, "") else int(text) * US_PER_MS for text in found.group(1, 3))
    if found[2] is None:
        return Source(ref, partition or None, first)
    return Source(ref, partition or None, last, first)


def at_times(catalog: Catalog, source: Source) -> Source:
    """A source whose times are none, or microseconds since the epoch. 400 for ranges that end before they
    begin, or begin before the window of time travel."""
    now_us = catalog.clock.now_us()

    def absolute(time_us: int | None) -> int | None:
        if time_us == 0:
            return max(now_us - HISTORY_US, catalog.history.oldest_us(source.table) or 0)
        return time_us + now_us if time_us is not None and time_us < 0 else time_us

    at_us, since_us = absolute(source.at_us), absolute(source.since_us)
    if since_us is not None:
        oldest_us, last_us = now_us - HISTORY_US, now_us if at_us is None else at_us
        if not oldest_us <= since_us <= last_us:
            first, last = since_us // US_PER_MS, last_us // US_PER_MS
            raise invalid(
                f"Invalid time range {first}-{last} for table {source.table.api_name}: it must begin before"
                f" it ends, and not before {oldest_us // US_PER_MS}."
            )
    return replace(source, at_us=at_us, since_us=since_us)


def rows_of(executor: Executor, source: Source, job: Job) -> Rows:
    """The rows of a source, without those in the streaming buffer. Raises for tables that are not stored and
    for bad decorators, and 403 where row access policies hide rows from the job's caller."""
    rows = stored_part(executor.catalog, source)
    executor.require_full_access(rows.table, job.caller, job.groups)
    return rows


def stored_part(catalog: Catalog, source: Source) -> Rows:
    """The rows of a source, whoever asks."""
    source = at_times(catalog, source)
    at_us = source.at_us
    table = catalog.table(source.table) if at_us is None else _table_at(catalog, source.table, at_us)
    storage = storage_of(table)
    conditions = [flushed(catalog.buffers, storage)]
    if source.since_us is not None:
        conditions.append(f"{VERSION_BEGIN} >= {source.since_us}")
    if source.partition is not None:
        conditions.append(in_partition(table, source.partition))
    return Rows(table, at_us, " AND ".join(filter(None, conditions)), source.partition)


def _table_at(catalog: Catalog, ref: TableRef, at_us: int) -> Table:
    now_us = catalog.clock.now_us()
    at_ms = at_us // US_PER_MS
    if at_us > now_us:
        raise invalid(
            f"Invalid snapshot time {at_ms} for table {ref.api_name}@{at_ms}. Cannot read after "
            f"{now_us // US_PER_MS}."
        )
    table = catalog.table_at(ref, at_us)
    if table is not None:
        return protecting(catalog, table)
    now = catalog.find_table(ref)
    if now is None:
        catalog.dataset(ref.dataset_ref)
        raise not_found("Table", ref.api_name)
    storage_of(now)
    raise invalid(
        f"Invalid snapshot time {at_ms} for table {ref.api_name}@{at_ms}. Cannot read before"
        f" {now.created_ms}."
    )
