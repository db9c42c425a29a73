"""Files to the service: in one request when small, else resumable, chunk by chunk from where it broke."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from bqclient.errors import BigQueryError, NotFoundError, UploadLostError
from bqclient.models.references import JobReference
from bqclient.resilience.policies import rule_of
from bqclient.runtime import Deadline
from bqclient.transport.operations import OPERATIONS

if TYPE_CHECKING:
    from bqclient.client import Core
    from bqclient.transport.replies import Reply

# Chunks are a multiple of 256 KiB; all but the last are of this size.
CHUNK = 16 << 20
# What is sent in one request with the job itself.
SMALL = 5 << 20
_PIECE = 1 << 20
_MORE = frozenset({308})


@dataclass(frozen=True, slots=True)
class Source:
    """Bytes that can be read again from anywhere: ``open`` gives a seekable stream of ``size`` bytes."""

    open: Callable[[], IO[bytes]]
    size: int


async def upload(
    core: Core,
    reference: JobReference,
    configuration: dict[str, Any],
    source: Source,
    deadline: Deadline,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """Send the bytes of a load job; the job as the API has it. ``progress`` is told the bytes that arrived.

    Raises UploadLostError when the service forgot the upload; any other error of the calls.
    """
    metadata = json.dumps({"jobReference": reference.to_api(), "configuration": configuration}).encode()
    base = core.rest.url(OPERATIONS["jobs.upload"], {"projectId": reference.project})
    if source.size <= SMALL:
        reply = await _whole(core, base, metadata, source, deadline)
    else:
        reply = await _resumable(core, base, metadata, source, deadline, progress)
    if progress is not None:
        progress(source.size)
    return reply.data


async def _whole(core: Core, base: str, metadata: bytes, source: Source, deadline: Deadline) -> Reply:
    with source.open() as stream:
        content = stream.read()
    boundary = core.runtime.unique()
    body = b"".join(
        (
            f"--{boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n".encode(),
            metadata,
            f"\r\n--{boundary}\r\nContent-Type: */*\r\n\r\n".encode(),
            content,
            f"\r\n--{boundary}--\r\n".encode(),
        )
    )
    headers = {"content-type": f'multipart/related; boundary="{boundary}"'}
    # The job's id makes it the same upload when it is sent again.
    return await core.rest.send(
        "jobs.upload",
        "POST",
        f"{base}&uploadType=multipart",
        headers=headers,
        content=body,
        deadline=deadline,
        idempotent=True,
    )


async def _resumable(
    core: Core,
    base: str,
    metadata: bytes,
    source: Source,
    deadline: Deadline,
    progress: Callable[[int], None] | None,
) -> Reply:
    begun = await core.rest.send(
        "jobs.upload",
        "POST",
        f"{base}&uploadType=resumable",
        headers={
            "content-type": "application/json; charset=UTF-8",
            "x-upload-content-type": "*/*",
            "x-upload-content-length": str(source.size),
        },
        content=metadata,
        deadline=deadline,
        idempotent=True,
    )
    place = begun.headers["location"]
    policy = core.config.resilience.policy("connection")
    at, failures = 0, 0
    while True:
        try:
            reply = await _chunk(core, place, source, at, deadline)
            failures = 0
        except NotFoundError as lost:
            raise UploadLostError("The service does not know the upload any more.") from lost
        except BigQueryError as error:
            rule = rule_of("jobs.upload", error)
            wait = (
                policy.wait(failures, core.runtime.fraction())
                if error.retry_after is None
                else error.retry_after
            )
            failures += 1
            if rule.policy == "never" or failures > policy.retries or not deadline.allows(wait):
                raise
            await core.runtime.sleep(wait)
            reply = await _status(core, place, source.size, deadline)
        if reply.code not in _MORE:
            return reply
        at = _arrived(reply)
        if progress is not None:
            progress(at)


async def _chunk(core: Core, place: str, source: Source, at: int, deadline: Deadline) -> Reply:
    end = min(at + CHUNK, source.size)

    async def pieces() -> AsyncIterator[bytes]:
        with source.open() as stream:
            stream.seek(at)
            left = end - at
            while left > 0 and (piece := stream.read(min(_PIECE, left))):
                left -= len(piece)
                yield piece

    headers = {
        "content-range": f"bytes {at}-{end - 1}/{source.size}",
        "content-length": str(end - at),
        "content-type": "*/*",
    }
    # Sent once: after a failure the service is asked first how much arrived.
    return await core.rest.send(
        "jobs.upload", "PUT", place, headers=headers, content=pieces, deadline=deadline, accept=_MORE
    )


async def _status(core: Core, place: str, size: int, deadline: Deadline) -> Reply:
    headers = {"content-range": f"bytes */{size}", "content-length": "0"}
    try:
        return await core.rest.send(
            "jobs.upload", "PUT", place, headers=headers, deadline=deadline, idempotent=True, accept=_MORE
        )
    except NotFoundError as lost:
        raise UploadLostError("The service does not know the upload any more.") from lost


def _arrived(reply: Reply) -> int:
    found = reply.headers.get("range")
    return int(found.rpartition("-")[2]) + 1 if found else 0
