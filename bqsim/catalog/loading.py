"""The catalog from its durable records."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from .administration import CHANGED, CLASSES
from .history import DroppedDataset, TableVersion
from .models import MODEL, Model
from .persistence import BURIED, DATASET, DROPPED, HISTORY, PROJECT, ROUTINE, TABLE, from_record
from .resources import Dataset, Routine
from .updates import UPDATES

if TYPE_CHECKING:
    from .store import Catalog


def load(catalog: Catalog, records: Iterable[tuple[str, str, str]]) -> int:
    """Bring records into memory; the highest number of an engine table that they name, 0 without any."""
    order = {PROJECT: 0, DATASET: 1, TABLE: 2, ROUTINE: 2, HISTORY: 3, DROPPED: 3, BURIED: 3}
    stored: set[str] = set()

    def read_table(value: str) -> None:
        version = from_record(TableVersion, value)
        if version.table.storage is not None:
            stored.add(version.table.storage.engine_table)
            if version.sized is not None:
                catalog.stored_bytes.learn(version.table.storage.engine_table, version.sized)
        dataset = catalog.find_dataset(version.table.ref.dataset_ref)
        # A write may be committed just after the drop of its dataset; the next of that name is another.
        if dataset is not None and dataset.created_ms <= version.table.created_ms:
            catalog._apply_table(version)

    readers: dict[str, Callable[[str], None]] = {
        PROJECT: catalog.add_project,
        DATASET: lambda v: catalog._apply_dataset(from_record(Dataset, v)),
        TABLE: read_table,
        ROUTINE: lambda v: catalog._apply_routine(from_record(Routine, v)),
        HISTORY: lambda v: catalog.history.add(from_record(TableVersion, v)),
        DROPPED: lambda v: catalog.history.add_dropped(from_record(DroppedDataset, v)),
        BURIED: lambda v: catalog.history.bury(from_record(TableVersion, v)),
    }
    everything = list(records)
    known = [r for r in everything if r[0] in order]
    for kind, _, value in sorted(known, key=lambda r: order[r[0]]):
        readers[kind](value)
    administered = [(kind, value) for kind, _, value in everything if kind in CLASSES or kind == CHANGED]
    catalog.administration.load(administered)
    catalog.updates.load((key, value) for kind, key, value in everything if kind == UPDATES)
    catalog.models.put(*(from_record(Model, value) for kind, _, value in everything if kind == MODEL))
    stored |= catalog.history.engine_tables()
    return max((int(name[1:]) for name in stored if name[1:].isdigit()), default=0)
