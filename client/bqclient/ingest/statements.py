"""DML statements with rows as a parameter, each a job of its own, carried out once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bqclient.errors import BigQueryError, UsageError
from bqclient.models.schema import Field
from bqclient.runtime import Deadline
from bqclient.services.job_errors import Again

from .ways import Outcome, Target

if TYPE_CHECKING:
    from bqclient.client import BigQueryClient
    from bqclient.services.results import QueryResult

# What the service says of a statement that met another one on the same rows.
_GAVE_WAY = "due to concurrent update"

# Rows of one statement, and about how much text of values: a request takes 10 MB.
BATCH_ROWS = 500
BATCH_BYTES = 4_000_000


def plain(field: Field, name: str | None = None) -> Field:
    """The field of a source for a column: it may be NULL, and has no default."""
    return replace(
        field,
        name=name or field.name,
        mode="REPEATED" if field.repeated else "NULLABLE",
        fields=tuple(plain(f) for f in field.fields),
        default=None,
        description=None,
        more={},
    )


async def run(to: Target, sql: str, fields: Sequence[Field], rows: Sequence[Mapping[str, Any]]) -> Outcome:
    """Run a statement with ``rows`` as the parameter ``@rows``; what it changed."""
    from bqclient.values.parameters import Parameter

    kind = Field("", "STRUCT", "REPEATED", tuple(fields))
    return await run_plain(to, sql, {"rows": Parameter(list(rows), kind)})


async def run_plain(to: Target, sql: str, parameters: Mapping[str, Any] | None = None) -> Outcome:
    """Run a statement as a job whose id is the client's: a lost answer does not run it twice."""
    result = await execute(to.client, sql, parameters, timeout=to.timeout)
    out = Outcome(jobs=[result.job] if result.job else [])
    if counts := result.dml:
        out.inserted, out.updated, out.deleted = counts.inserted, counts.updated, counts.deleted
    return out


async def execute(
    client: BigQueryClient,
    sql: str,
    parameters: Mapping[str, Any] | None,
    *,
    timeout: float | None = None,
) -> QueryResult:
    """Run one DML statement as a job whose id is the client's, so that it is carried out once however often
    it is sent. One that gave way to another statement, and did nothing, is begun again."""
    again = Again(client.core, "jobs.insert", Deadline.after(client.core.runtime, timeout))
    while True:
        try:
            return await client.queries.execute(
                sql,
                parameters,
                timeout=timeout,
                fetch_all=False,
                job_id_prefix=f"{client.config.job_prefix}_dml",
            )
        except BigQueryError as error:
            gave_way = _GAVE_WAY in error.message and not error.ambiguous
            if not gave_way or not await again.after(error, "new_job"):
                raise


def add(out: Outcome, more: Outcome) -> None:
    """Add what one statement did."""
    out.jobs.extend(more.jobs)
    out.inserted += more.inserted
    out.updated += more.updated
    out.deleted += more.deleted


def batches(
    rows: Iterable[Mapping[str, Any]], fields: Sequence[Field], limit: int = BATCH_ROWS
) -> Iterator[list[Mapping[str, Any]]]:
    """Rows in lists of which each fits one statement."""
    found: list[Mapping[str, Any]] = []
    size = 0
    for row in rows:
        # What the names and braces of one value take in a parameter is more than most values do.
        taken = sum(len(f.name) + 24 + _size(row.get(f.name)) for f in fields)
        if found and (len(found) >= limit or size + taken > BATCH_BYTES):
            yield found
            found, size = [], 0
        found.append(row)
        size += taken
    if found:
        yield found


def _size(value: Any) -> int:
    if isinstance(value, str | bytes):
        return 2 * len(value)
    if isinstance(value, Mapping):
        return sum(len(str(k)) + 24 + _size(v) for k, v in value.items())
    if isinstance(value, list | tuple):
        return sum(12 + _size(v) for v in value)
    return 12


def checked_key(row: Mapping[str, Any], keys: Sequence[Field]) -> tuple[Any, ...]:
    """The values of a row's keys in the form by which equal ones are equal. Raises UsageError."""
    from bqclient.values.checks import check_of, is_null, problem

    found: list[Any] = []
    for field in keys:
        value = row.get(field.name)
        if is_null(value):
            found.append(None)
            continue
        try:
            found.append(check_of(field)(value))
        except ValueError as error:
            raise UsageError(f"Field {field.name}: {problem(error)}.") from None
    return tuple(found)


def spelled(row: Mapping[str, Any], fields: Iterable[Field]) -> dict[str, Any]:
    """A row with the names of columns and fields as the table has them."""
    known = {f.name.casefold(): f for f in fields}
    found: dict[str, Any] = {}
    for name, value in row.items():
        field = known.get(str(name).casefold())
        found[field.name if field else str(name)] = _spelled_value(value, field)
    return found


def _spelled_value(value: Any, field: Field | None) -> Any:
    if field is None or field.type != "STRUCT":
        return value
    if isinstance(value, Mapping):
        return spelled(value, field.fields)
    if field.repeated and isinstance(value, list | tuple):
        return [spelled(v, field.fields) if isinstance(v, Mapping) else v for v in value]
    return value
