"""Commits of PENDING streams: all of a call's streams become visible, or none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bqclient.errors import CommitError, LimitError, UsageError
from bqclient.models.references import TableReference
from bqclient.resilience.retry import Attempt
from bqclient.transport.rpc import WRITE
from bqclient.wire import status_pb2, write_pb2

from .write_streams import split_name

if TYPE_CHECKING:
    from bqclient.client import Core
    from bqclient.runtime import Deadline

MAX_STREAMS = 10_000
DONE = "STREAM_ALREADY_COMMITTED"
# What may pass: the streams are sent again.
PASSING = frozenset({"STORAGE_ERROR_CODE_UNSPECIFIED", "KMS_SERVICE_ERROR"})
_Code = status_pb2.StorageError.StorageErrorCode


@dataclass(frozen=True, slots=True)
class CommitResult:
    """``time``: when the rows became visible; ``None`` where the answer that told it was lost. ``earlier``:
    streams that an earlier sending of the same commit had committed."""

    streams: tuple[str, ...]
    time: datetime | None = None
    earlier: tuple[str, ...] = ()
    attempts: int = 1


async def commit(
    core: Core, table: TableReference, streams: Sequence[str], deadline: Deadline
) -> CommitResult:
    """Commit streams of a table. Raises CommitError naming those that cannot be, LimitError, UsageError."""
    names = list(dict.fromkeys(streams))
    _check(table, names)
    policy = core.retrier.settings.policy("commit")
    left = names
    earlier: list[str] = []
    unsure, number = False, 0
    while True:
        answer, again = await _send(core, table, left, deadline)
        unsure = unsure or again
        if not answer.stream_errors:
            made = answer.commit_time.ToDatetime(tzinfo=UTC) if answer.HasField("commit_time") else None
            return CommitResult(tuple(names), made, tuple(earlier), number + 1)
        found = {error.entity: _Code.Name(error.code) for error in answer.stream_errors}
        texts = {error.entity: error.error_message for error in answer.stream_errors}
        if unsure:
            # An answer was lost: what is committed was committed by us.
            done = [name for name in left if found.get(name) == DONE]
            earlier += done
            left = [name for name in left if name not in set(done)]
            if not left:
                return CommitResult(tuple(names), None, tuple(earlier), number + 1)
        lasting = {n: kind for n, kind in found.items() if kind not in PASSING and n in left}
        wait = policy.wait(number, core.runtime.fraction())
        if lasting or number >= policy.retries or not deadline.allows(wait):
            wrong = lasting or found
            name, kind = next(iter(wrong.items()))
            raise CommitError(
                f"{len(wrong)} of {len(left)} streams cannot be committed, and none was: "
                f"{texts[name] or kind}",
                streams=tuple(wrong),
                kind=kind,
                entity=name,
                details=tuple({"stream": n, "kind": k, "message": texts[n]} for n, k in found.items()),
                retryable=not lasting,
            )
        number += 1
        # Nothing was committed: streams that are not done are sent again.
        await core.runtime.sleep(wait)


async def _send(
    core: Core, table: TableReference, names: list[str], deadline: Deadline
) -> tuple[write_pb2.BatchCommitWriteStreamsResponse, bool]:
    """The answer, and whether an earlier sending of the same call may have been carried out."""
    seen: list[Attempt] = []
    answer = await core.rpc.unary(
        WRITE,
        "BatchCommitWriteStreams",
        write_pb2.BatchCommitWriteStreamsRequest(parent=table.path, write_streams=names),
        write_pb2.BatchCommitWriteStreamsResponse,
        {"parent": table.path},
        deadline=deadline,
        attempts=seen,
    )
    return answer, bool(seen and seen[-1].unsure)


def _check(table: TableReference, names: list[str]) -> None:
    if not names:
        raise UsageError("There is no stream to commit.")
    if len(names) > MAX_STREAMS:
        raise LimitError(
            f"One commit takes {MAX_STREAMS:,} streams, not {len(names):,}.",
            limit=MAX_STREAMS,
            found=len(names),
        )
    for name in names:
        if split_name(name)[0] != table:
            raise UsageError(f"{name} is no stream of {table}.")
