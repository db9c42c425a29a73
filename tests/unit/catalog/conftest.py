"""A catalog on a clock that stands still until told, and a session with its records in a dictionary."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from bqsim.catalog.refs import DatasetRef, RoutineRef, TableRef
from bqsim.catalog.resources import Dataset, Routine, Storage, Table, TableKind
from bqsim.catalog.store import Catalog
from bqsim.sim.draws import Draws
from bqsim.types import INT64, Field, field_of

START_US = 1_700_000_000_000_000


class ManualClock:
    def __init__(self) -> None:
        self.us = START_US

    def now_us(self) -> int:
        return self.us

    async def sleep(self, seconds: float) -> None:
        self.us += int(seconds * 1e6)
        await asyncio.sleep(0)


class MemorySession:
    """Transactions over a dictionary of records."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], str] = {}
        self._open: list[tuple[str, str, str | None]] | None = None
        self._callbacks: list[Callable[[], None]] = []

    @contextmanager
    def transaction(self) -> Iterator[None]:
        if self._open is not None:
            yield
            return
        self._open = []
        try:
            yield
        except BaseException:
            self._open, self._callbacks = None, []
            raise
        for kind, key, value in self._open:
            if value is None:
                self.records.pop((kind, key), None)
            else:
                self.records[kind, key] = value
        callbacks, self._open, self._callbacks = self._callbacks, None, []
        for callback in callbacks:
            callback()

    def put_metadata(self, kind: str, key: str, value: str | None) -> None:
        assert self._open is not None, "metadata is written in a transaction"
        self._open.append((kind, key, value))

    def on_commit(self, callback: Callable[[], None]) -> None:
        self._callbacks.append(callback)

    def stored(self) -> list[tuple[str, str, str]]:
        return [(kind, key, value) for (kind, key), value in self.records.items()]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def session() -> MemorySession:
    return MemorySession()


@pytest.fixture
def catalog(clock: ManualClock) -> Catalog:
    return Catalog(clock, Draws(1))


DATASET = DatasetRef("p", "d")


def dataset(ref: DatasetRef = DATASET) -> Dataset:
    return Dataset(ref, "US", 1, 1, "etag")


def table(
    name: str = "t",
    fields: tuple[Field, ...] = (field_of("a", INT64),),
    engine_table: str = "t1",
    ref: DatasetRef = DATASET,
    **more: object,
) -> Table:
    storage = Storage(engine_table, tuple(f"c{i}" for i, _ in enumerate(fields, 1)), len(fields) + 1)
    values = {"created_ms": 1, "modified_ms": 1, "etag": "e", "location": "US", "storage": storage, **more}
    return Table(TableRef(ref.project, ref.dataset, name), TableKind.TABLE, fields, **values)  # type: ignore[arg-type]


@pytest.fixture
def filled(catalog: Catalog, session: MemorySession) -> Catalog:
    with catalog.change(session) as change:
        change.put_dataset(dataset())
        for name in ("b", "a", "A", "c"):
            change.put_table(table(name))
        change.put_routine(Routine(RoutineRef("p", "d", "f"), 1, 1, "e", "CREATE FUNCTION"))
    return catalog
