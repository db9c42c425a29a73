"""From the journal of a recording to its cassette: at its end, or after its process was killed."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .cassette.cassette import BLOBS, Cassette
from .cassette.header import Header
from .cassette.writer import CassetteWriter
from .exchanges import JOURNAL, Journal
from .fold.folder import Operations, fold
from .model import BLOB, Operation

if TYPE_CHECKING:
    from .redact.policy import Policy

_OF = re.compile(r"@([0-9a-f]{16}\.\d+)\}")


def recover(
    folder: str | Path,
    *,
    policy: Policy | None = None,
    existing: Cassette | None = None,
    replace: bool = False,
) -> Cassette:
    """The cassette of what the journal in ``folder`` holds, which is removed afterwards.

    Killed meanwhile, it can be called again. ``existing`` and ``replace``: see
    :class:`bqsim.record.recorder.Recorder`. Without a journal, the cassette as it is; ``CassetteError`` when
    there is none.
    """
    place = Path(folder)
    path = place / JOURNAL
    if not path.exists():
        return Cassette.open(place)
    journal = Journal(path)
    try:
        writer = CassetteWriter(place)
        began_us = int(journal.about.get("began_us") or 0)
        names = journal.about.get("names") or {}
        operations = fold(journal, keep=writer.blob, began_us=began_us, names=names)
        header = _header(operations, began_us, names, policy)
        every: Iterable[Operation] = operations
        if existing is not None:
            header = _joined(existing.header, header)
            every = _together(existing, operations, writer, replace)
        writer.write(header, every)
    finally:
        journal.close()
    for left in place.glob(f"{JOURNAL}.*"):
        # Large bodies of calls that had not ended.
        left.unlink()
    path.unlink()
    cassette = Cassette.open(place)
    _prune(cassette)
    return cassette


def _header(operations: Operations, began_us: int, names: dict[str, str], policy: Policy | None) -> Header:
    return Header(
        recorded=dt.datetime.fromtimestamp(began_us / 1e6, dt.UTC).date().isoformat(),
        clients=operations.clients,
        names={f"name:{name}": text for name, text in sorted(names.items())},
        redaction=policy.described() if policy is not None else {},
        api_revision=operations.revision or _known_revision(),
    )


def _known_revision() -> str:
    """The revision of the API whose methods and answers are known here."""
    from bqsim.server.rest.discovery import REVISION

    return REVISION


def _joined(old: Header, new: Header) -> Header:
    """The header of a cassette that a recording was added to."""
    new.clients = sorted({*old.clients, *new.clients})
    new.names = {**old.names, **new.names}
    new.api_revision = new.api_revision or old.api_revision
    return new


def _together(
    existing: Cassette, added: Operations, writer: CassetteWriter, replace: bool
) -> Iterator[Operation]:
    """The operations of a cassette and those recorded now, whose occurrences follow on; with ``replace``
    those of the same keys are left out of the cassette."""
    named = [(operation.key, operation.occurrence) for operation in added]
    anew = {key for key, _ in named}
    kept: dict[str, int] = {}
    for entry in existing.entries:
        if not (replace and entry.key in anew):
            kept[entry.key] = max(kept.get(entry.key, 0), entry.occurrence)
    for entry in existing.entries:
        if not (replace and entry.key in anew):
            operation = existing.operation(entry)
            if existing.folder.resolve() != writer.folder.resolve():
                for reference in references(operation):
                    writer.blobs.put(existing.blobs.get(reference))
            yield operation
    renamed = {f"{key}.{n}": f"{key}.{n + kept.get(key, 0)}" for key, n in named}
    for operation in added:
        operation.request, operation.result, operation.exchanges = (
            _renamed(value, renamed) for value in (operation.request, operation.result, operation.exchanges)
        )
        operation.occurrence += kept.get(operation.key, 0)
        yield operation


def _renamed(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, str):
        return _OF.sub(lambda m: f"@{names.get(m[1], m[1])}}}", value) if "@" in value else value
    if isinstance(value, dict):
        return {_renamed(name, names): _renamed(item, names) for name, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, names) for item in value]
    return value


def references(operation: Operation) -> Iterator[str]:
    """The digests of the blobs that an operation refers to."""
    stack: list[Any] = [operation.request, operation.result, operation.exchanges]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            if BLOB in value:
                yield str(value[BLOB])
            else:
                stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)


def _prune(cassette: Cassette) -> None:
    """Remove blobs that no operation refers to any more."""
    wanted = {digest for operation in cassette.operations() for digest in references(operation)}
    blobs = cassette.folder / BLOBS
    for path in blobs.glob("*/*"):
        if path.name.partition(".")[0] not in wanted:
            path.unlink()
            if not any(path.parent.iterdir()):
                path.parent.rmdir()
