"""Streaming inserts: ``tabledata.insertAll``.

Rows carry insert ids, by which the service drops a row that comes twice within about a minute: so a request
may be sent again when its answer is lost.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from bqclient.errors import LimitError, PartialInsertError, UsageError
from bqclient.models.references import TableReference
from bqclient.models.schema import Schema
from bqclient.runtime import Deadline

if TYPE_CHECKING:
    from bqclient.client import BigQueryClient

    from .buffered import BufferedInserter

# Limits of a request (BigQuery quotas, streaming inserts).
MAX_ROWS = 10_000
MAX_BYTES = 10 * 1000 * 1000
# Reasons of rows that were not at fault themselves: the same rows may be taken later.
_PASSING = frozenset({"backendError", "internalError", "rateLimitExceeded", "timeout", "tableUnavailable"})
_INNOCENT = "stopped"

InsertIds = Literal["random", "content"] | Sequence[str | None] | None
_ENVELOPE = b'{"rows":['


@dataclass(frozen=True, slots=True)
class FailedRow:
    """A row that was refused: where it was in the call, the row, and the service's reasons."""

    index: int
    row: Mapping[str, Any] = field(repr=False)
    errors: tuple[Mapping[str, Any], ...]

    @property
    def stopped(self) -> bool:
        """Whether the row was refused only because others of its request were wrong."""
        return all(error.get("reason") == _INNOCENT for error in self.errors)

    @property
    def message(self) -> str:
        """The first reason in words."""
        first = next((e for e in self.errors if e.get("message")), {})
        place = f" ({first['location']})" if first.get("location") else ""
        return f"{first.get('reason', 'invalid')}: {first.get('message', '')}{place}".rstrip(": ")


@dataclass(frozen=True, slots=True)
class InsertResult:
    """What became of the rows of a call."""

    inserted: int
    failed: tuple[FailedRow, ...] = ()

    def raise_for_failed(self) -> None:
        """Raise PartialInsertError when any row was refused."""
        if self.failed:
            first = self.failed[0]
            raise PartialInsertError(
                f"{len(self.failed)} of {self.inserted + len(self.failed)} rows were refused; "
                f"row {first.index}: {first.message}.",
                reason=str(first.errors[0].get("reason", "")) if first.errors else "",
                failed=self.failed,
            )


class Streaming:
    """Rows into tables by ``insertAll``."""

    def __init__(self, client: BigQueryClient) -> None:
        self._client = client
        self._core = client.core

    async def insert_all(
        self,
        table: TableReference | str,
        rows: Iterable[Mapping[str, Any]],
        *,
        schema: Schema | None = None,
        insert_ids: InsertIds = "random",
        skip_invalid_rows: bool = False,
        ignore_unknown_values: bool = False,
        template_suffix: str | None = None,
        timeout: float | None = None,
    ) -> InsertResult:
        """Insert rows with one request.

        ``insert_ids``: ``"random"``, ``"content"`` (SHA-256 of the row: the same row twice within about a
        minute is one row, also from two calls), a text per row, or ``None`` (then a request whose answer is
        lost is not sent again). ``schema`` lets values be checked and written by their columns' types. Rows
        that the service refuses are in the result, with those that it stopped because of them; rows that
        failed in passing are sent again. Raises LimitError above 10,000 rows or 10 MB, before it sends
        anything.
        """
        given = list(rows)
        if not given:
            return InsertResult(0)
        prepared = prepare(given, schema, insert_ids, self._core.runtime.unique)
        check_limits(prepared)
        return await self.insert_prepared(
            table,
            given,
            prepared,
            known_again=insert_ids is not None,
            skip_invalid_rows=skip_invalid_rows,
            ignore_unknown_values=ignore_unknown_values,
            template_suffix=template_suffix,
            timeout=timeout,
        )

    async def insert_prepared(
        self,
        table: TableReference | str,
        rows: Sequence[Mapping[str, Any]],
        prepared: Sequence[bytes],
        *,
        known_again: bool,
        skip_invalid_rows: bool = False,
        ignore_unknown_values: bool = False,
        template_suffix: str | None = None,
        timeout: float | None = None,
    ) -> InsertResult:
        """As :meth:`insert_all`, of rows that :func:`prepare` wrote; ``known_again``: with insert ids."""
        options = {
            "skipInvalidRows": skip_invalid_rows or None,
            "ignoreUnknownValues": ignore_unknown_values or None,
            "templateSuffix": template_suffix,
        }
        tail = b"]" + b"".join(
            f',"{name}":{json.dumps(value)}'.encode() for name, value in options.items() if value is not None
        )
        config = self._core.config
        reference = TableReference.of(table, config.project, config.default_dataset)
        deadline = self._core.deadline(timeout)
        return await self._send(reference, rows, prepared, tail + b"}", known_again, deadline)

    async def _send(
        self,
        table: TableReference,
        given: Sequence[Mapping[str, Any]],
        prepared: Sequence[bytes],
        tail: bytes,
        known_again: bool,
        deadline: Deadline,
    ) -> InsertResult:
        """Send rows, and those again that failed in passing, as far as the policy ``backend`` goes."""
        policy = self._core.config.resilience.policy("backend")
        pending = list(range(len(given)))
        failed: dict[int, FailedRow] = {}
        for number in range(policy.retries + 1):
            body = _ENVELOPE + b",".join(prepared[i] for i in pending) + tail
            reply = await self._core.rest.call(
                "tabledata.insertAll",
                table.to_api(),
                body=body,
                deadline=deadline,
                idempotent=known_again,
            )
            found = _failures(reply.data, pending, given)
            failed = {**{i: f for i, f in failed.items() if i not in pending}, **found}
            again = [i for i, f in found.items() if _passing(f)]
            # Where nothing of the request was stored, those that were stopped go along.
            if again and all(_passing(f) or f.stopped for f in found.values()):
                again = sorted(found)
            wait = policy.wait(number, self._core.runtime.fraction())
            if not again or number == policy.retries or not deadline.allows(wait):
                break
            await self._core.runtime.sleep(wait)
            pending = again
        return InsertResult(len(given) - len(failed), tuple(failed[i] for i in sorted(failed)))

    def buffered(self, table: TableReference | str, **options: Any) -> BufferedInserter:
        """An inserter that gathers rows: see :class:`BufferedInserter`."""
        from .buffered import BufferedInserter

        return BufferedInserter(self._client, table, **options)


def prepare(
    rows: Sequence[Mapping[str, Any]],
    schema: Schema | None,
    insert_ids: InsertIds,
    unique: Any,
) -> list[bytes]:
    """Each row as the request's JSON has it. Raises UsageError for values that cannot be written."""
    from bqclient.values.json_rows import row_to_json

    if insert_ids is not None and not isinstance(insert_ids, str) and len(insert_ids) != len(rows):
        raise UsageError(f"There are {len(insert_ids)} insert ids for {len(rows)} rows.")
    prepared = []
    for index, row in enumerate(rows):
        try:
            body = json.dumps(row_to_json(row, schema), separators=(",", ":"), allow_nan=False).encode()
        except (TypeError, ValueError) as wrong:
            raise UsageError(f"Row {index} cannot be written as JSON: {wrong}") from wrong
        id_ = _insert_id(insert_ids, index, body, unique)
        head = b"{" if id_ is None else b'{"insertId":' + json.dumps(id_).encode() + b","
        prepared.append(head + b'"json":' + body + b"}")
    return prepared


def check_limits(prepared: Sequence[bytes]) -> None:
    """Raise LimitError for a request that the service would refuse."""
    if len(prepared) > MAX_ROWS:
        raise LimitError(
            f"{len(prepared)} rows are above the {MAX_ROWS} of one insertAll request: send fewer at a time, "
            "or use client.ingest.write_rows or a BufferedInserter.",
            limit=MAX_ROWS,
            found=len(prepared),
        )
    size = sum(map(len, prepared)) + len(prepared)
    if size > MAX_BYTES:
        raise LimitError(
            f"The rows take {size} bytes, above the {MAX_BYTES} of one insertAll request: "
            "send fewer at a time.",
            limit=MAX_BYTES,
            found=size,
        )


def content_id(body: bytes) -> str:
    """The insert id of a row's content: SHA-256 of its JSON with keys in order, as hexadecimal digits."""
    ordered = json.dumps(json.loads(body), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(ordered.encode()).hexdigest()


def _insert_id(given: InsertIds, index: int, body: bytes, unique: Any) -> str | None:
    if given == "random":
        return str(unique())
    if given == "content":
        return content_id(body)
    return None if given is None else given[index]


def _failures(
    data: Mapping[str, Any], sent: Sequence[int], given: Sequence[Mapping[str, Any]]
) -> dict[int, FailedRow]:
    found = {}
    for item in data.get("insertErrors") or ():
        index = sent[int(item.get("index", 0))]
        found[index] = FailedRow(index, given[index], tuple(item.get("errors") or ()))
    return found


def _passing(row: FailedRow) -> bool:
    return bool(row.errors) and all(error.get("reason") in _PASSING for error in row.errors)
