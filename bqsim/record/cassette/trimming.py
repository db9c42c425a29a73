"""Cassettes made smaller: fewer rows, fewer operations. What is told of results stays true."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from bqsim.record.model import Operation

from .cassette import BLOBS, OPERATIONS, Cassette, measures_path
from .editing import copied, dropped, needed
from .errors import CassetteError
from .header import FILE
from .stretches import first_rows, lists_of
from .writer import CassetteWriter, digests, prune


@dataclass(frozen=True, slots=True)
class Trimmed:
    """What trimming has done: operations and bytes before and after, and how many rows each result keeps
    (None: all)."""

    operations: tuple[int, int]
    size: tuple[int, int]
    rows: int | None


def folder_size(folder: Path) -> int:
    """How many bytes the files of a cassette take, its measures beside it not counted."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def chosen(patterns: list[str]) -> Callable[[Operation], bool]:
    """Whether an operation fits one of the patterns: globs of names, keys or kinds."""

    def fits(operation: Operation) -> bool:
        told = (operation.name, operation.key, operation.kind)
        return any(fnmatchcase(name, pattern) for name in told for pattern in patterns)

    return fits


def trim(
    cassette: Cassette,
    target: str | Path | None = None,
    *,
    rows: int | None = None,
    pages: int | None = None,
    budget: int | None = None,
    keep: Callable[[Operation], bool] | None = None,
) -> Trimmed:
    """Make a cassette smaller, in its place or as ``target``.

    ``rows`` and ``pages`` are the most that each list of rows keeps; schemas, totals and statistics stay as
    they were recorded. ``keep`` chooses operations; those whose symbols others need stay with them. With
    ``budget`` (bytes of the folder) rows are left out until it fits. :class:`CassetteError` when it does not
    fit without any, or when a blob is damaged; the cassette stays as it is then.
    """
    place = Path(target) if target is not None else cassette.folder
    if target is not None and (place / FILE).exists():
        raise CassetteError(place, "there is a cassette already", "Choose another folder")
    all_ = list(cassette.operations())
    kept = dropped(all_, _with_needed(all_, keep)) if keep else all_
    before = folder_size(cassette.folder)
    with tempfile.TemporaryDirectory(prefix="bqsim-trim-") as scratch:
        work = Path(scratch) / "trimmed.cassette"
        most = rows
        while True:
            size = _write(cassette, work, kept, most, pages)
            if budget is None or size <= budget:
                break
            if most == 0:
                raise CassetteError(
                    cassette.folder,
                    f"without any rows it still takes {size:,} bytes, more than {budget:,}",
                    "Leave out operations, or allow more",
                )
            longest = max((_count(one) for one in kept), default=0)
            most = min(longest, most if most is not None else longest) // 2
            shutil.rmtree(work)
        _install(work, place)
    after = Cassette.open(place)
    prune(after)
    return Trimmed((len(cassette), len(after)), (before, folder_size(place)), most)


def _with_needed(operations: list[Operation], keep: Callable[[Operation], bool]) -> set[str]:
    by_name = {operation.name: operation for operation in operations}
    names = {operation.name for operation in operations if keep(operation)}
    left = list(names)
    while left:
        for name in needed(by_name[left.pop()]) & by_name.keys():
            if name not in names:
                names.add(name)
                left.append(name)
    return names


def _count(operation: Operation) -> int:
    return max((sum(int(s.get("count", 0)) for s in rows) for rows in lists_of(operation)), default=0)


def _write(
    cassette: Cassette, work: Path, operations: list[Operation], rows: int | None, pages: int | None
) -> int:
    """Write the operations with no more than so many rows; the size of the folder."""
    writer = CassetteWriter(work)
    made = []
    for operation in operations:
        one = operation
        if rows is not None or pages is not None:
            one = copied(operation)
            for found in lists_of(one):
                found[:] = first_rows(found, rows, pages, cassette, writer)
        # What was cut is there already; the rest comes from the cassette.
        for digest in digests([one.request, one.result, one.exchanges]):
            if not writer.blobs.path(digest).exists():
                writer.blobs.put(cassette.blobs.get(digest))
        made.append(one)
    writer.write(cassette.header, made)
    return folder_size(work)


def _install(work: Path, place: Path) -> None:
    """Put what was written in the place of a cassette: blobs first, so that it is whole at every moment."""
    for path in sorted((work / BLOBS).glob("*/*")):
        target = place / BLOBS / path.parent.name / path.name
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_suffix(".part")
            shutil.copyfile(path, part)
            part.replace(target)
    place.mkdir(parents=True, exist_ok=True)
    for source, target in (
        (work / OPERATIONS, place / OPERATIONS),
        (measures_path(work), measures_path(place)),
        (work / FILE, place / FILE),
    ):
        part = target.with_name(target.name + ".part")
        shutil.copyfile(source, part)
        part.replace(target)
