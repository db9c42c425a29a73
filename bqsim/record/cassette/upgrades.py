"""From one version of the format to the next.

An upgrade is registered under the version that it starts from; a cassette goes through all that lie between
its own version and the newest. Upgrades work on JSON, not on this version's classes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bqsim.record.model import Operation

from . import header as headers
from .cassette import OPERATIONS, measures_path, read_measures
from .errors import CassetteError
from .header import FILE, FORMAT
from .scanning import scan
from .text import operation_of
from .writer import CassetteWriter

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What changes from one version to the next: ``header`` gets the members of the header, ``operation``
    each operation. ``told`` says it in a line."""

    told: str
    header: Callable[[Json], Json] = lambda members: members
    operation: Callable[[Operation], Operation] = lambda operation: operation


# By the version that they start from.
UPGRADES: dict[int, Upgrade] = {}


def version_of(folder: Path) -> int:
    """The version of the format of a cassette, whichever it is. :class:`CassetteError` for what is none."""
    return int(_members(folder)["version"])


def upgrade(folder: str | Path) -> list[str]:
    """Bring a cassette to the newest version, in its place; what was done, a line for each step, none when
    there was nothing to do. :class:`CassetteError` when it cannot be done; the cassette stays as it is."""
    place = Path(folder)
    members = _members(place)
    version = int(members["version"])
    if version > headers.VERSION:
        # Says so.
        headers.read_header(place)
    steps = []
    for step in range(version, headers.VERSION):
        if step not in UPGRADES:
            raise CassetteError(
                place / FILE,
                f"there is no upgrade from version {step} of the format",
                "Upgrade it with the bqsim that knows it, or record anew",
            )
        steps.append(UPGRADES[step])
    if not steps:
        return []
    for one in steps:
        members = one.header(dict(members))
    members["version"] = headers.VERSION
    # All at once: an upgrade that fails half-way leaves nothing half done.
    operations = list(_operations(place, steps))
    CassetteWriter(place).write(headers.header_of(members), operations)
    return [f"{version + n} to {version + n + 1}: {one.told}" for n, one in enumerate(steps)]


def _members(place: Path) -> Json:
    path = place / FILE
    try:
        members = json.loads(path.read_text(encoding="utf-8"))
        version = members["version"]
        if members["format"] == FORMAT and isinstance(version, int) and version >= 0:
            return dict(members)
    except (OSError, ValueError, TypeError, KeyError):
        pass
    # Says what is wrong with it.
    headers.read_header(place)
    raise CassetteError(path, "this is not the header of a cassette", "Check the path")


def _operations(place: Path, steps: list[Upgrade]) -> Iterator[Operation]:
    path = place / OPERATIONS
    measures = read_measures(measures_path(place))
    text = path.read_bytes()
    for entry in scan(path):
        try:
            made = operation_of(entry.kind, entry.key, entry.occurrence, text[entry.start : entry.end])
        except ValueError as error:
            raise CassetteError(path, f"operation {entry.name}: {error}", "Restore the file") from None
        made.measures = measures.get(entry.name, {})
        for one in steps:
            made = one.operation(made)
        yield made
