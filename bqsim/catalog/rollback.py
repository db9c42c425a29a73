"""Putting the catalog back to a mark: exactly what was there, with its etags, times and past versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .marks import DatasetState, Ref, RoutineState, State, TableState
from .models import records as records_of_models
from .persistence import (
    DATASET,
    DROPPED,
    HISTORY,
    PROJECT,
    ROUTINE,
    TABLE,
    dropped_key,
    key_of,
    to_record,
    version_key,
)
from .refs import DatasetRef, TableRef
from .resources import Dataset, Routine, Table
from .stored_bytes import COUNTED

if TYPE_CHECKING:
    from .change import MetadataWriter
    from .marks import Mark
    from .store import Catalog


def state_of(catalog: Catalog, ref: Ref) -> State:
    """All that memory has of ``ref``."""
    history = catalog.history
    if isinstance(ref, TableRef):
        return TableState(history.current(ref), history.past(ref))
    contents = catalog._datasets.get(ref if isinstance(ref, DatasetRef) else ref.dataset_ref)
    if isinstance(ref, DatasetRef):
        return DatasetState(contents.dataset if contents else None, history.dropped(ref))
    return RoutineState(contents.routines.get(ref.routine) if contents else None)


def resource_in(state: State) -> Dataset | Table | Routine | None:
    """The resource itself."""
    if isinstance(state, TableState):
        return None if state.version is None else state.version.table
    return state.dataset if isinstance(state, DatasetState) else state.routine


def put_back(
    catalog: Catalog, session: MetadataWriter, mark: Mark, before: Mapping[Ref, State], time_us: int
) -> None:
    """Make ``before`` the state of its references, in the open transaction; memory follows its commit.

    Marks after ``mark`` are forgotten then. ``time_us`` is when reads that lag behind see it change.
    """
    for ref, state in before.items():
        for kind, key, record in _records(ref, state_of(catalog, ref), state):
            session.put_metadata(kind, key, record)
    for project in set(catalog.projects()) - set(mark.projects):
        session.put_metadata(PROJECT, project, None)
    for name in _engine_tables(before) & catalog.counted:
        # It may be of a version that is undone.
        session.put_metadata(COUNTED, name, None)
    now = catalog.administration.state.records() | records_of_models(catalog.models.state)
    then = mark.administered.records() | records_of_models(mark.models)
    for at in now.keys() | then.keys():
        if now.get(at) != then.get(at):
            session.put_metadata(*at, then.get(at))

    def apply() -> None:
        with catalog._mutex:
            catalog._changing_us = time_us
            # Datasets come before what is in them, and go after it.
            for ref, state in sorted(before.items(), key=lambda item: _turn(*item)):
                _restore(catalog, ref, state)
            catalog._projects[:] = mark.projects
            catalog.administration.state = mark.administered
            catalog.models.state = mark.models
            _forget_sizes(catalog, before)
            catalog.marks.reset(mark)

    session.on_commit(apply)


def _engine_tables(before: Mapping[Ref, State]) -> set[str]:
    versions = [s.version for s in before.values() if isinstance(s, TableState) and s.version is not None]
    return {v.table.storage.engine_table for v in versions if v.table.storage is not None}


def _forget_sizes(catalog: Catalog, before: Mapping[Ref, State]) -> None:
    """Know of the bytes of tables that were put back what was known when they were last written."""
    versions = [s.version for s in before.values() if isinstance(s, TableState) and s.version is not None]
    stored = [(v.table.storage.engine_table, v.sized) for v in versions if v.table.storage is not None]
    catalog.stored_bytes.forget(name for name, _ in stored)
    catalog.counted -= {name for name, _ in stored}
    for name, sized in stored:
        if sized is not None:
            catalog.stored_bytes.learn(name, sized)


def _restore(catalog: Catalog, ref: Ref, state: State) -> None:
    """Bring one reference back in memory; the mutex is held."""
    if isinstance(ref, TableRef):
        assert isinstance(state, TableState)
        if state.version is None:
            catalog._remove_table(ref, 0)
        else:
            catalog._apply_table(state.version)
        catalog.history.put_back(ref, state.version, state.past)
    elif isinstance(ref, DatasetRef):
        assert isinstance(state, DatasetState)
        if state.dataset is not None:
            catalog._apply_dataset(state.dataset)
        else:
            catalog._forget_dataset(ref)
        catalog.history.put_back_dropped(ref, state.dropped)
    else:
        assert isinstance(state, RoutineState)
        if state.routine is None:
            catalog._remove_routine(ref)
        else:
            catalog._apply_routine(state.routine)


def _turn(ref: Ref, state: State) -> int:
    if not isinstance(ref, DatasetRef):
        return 1
    return 0 if resource_in(state) is not None else 2


def _records(ref: Ref, now: State, then: State) -> list[tuple[str, str, str | None]]:
    """What to write so that the durable records of ``ref`` go from ``now`` to ``then``."""
    if isinstance(ref, TableRef):
        assert isinstance(now, TableState)
        assert isinstance(then, TableState)
        record = None if then.version is None else to_record(then.version)
        past = _difference(
            HISTORY,
            {version_key(v): to_record(v) for v in now.past},
            {version_key(v): to_record(v) for v in then.past},
        )
        return [(TABLE, key_of(ref), record), *past]
    resource = resource_in(then)
    record = None if resource is None else to_record(resource)
    if not isinstance(ref, DatasetRef):
        return [(ROUTINE, key_of(ref), record)]
    assert isinstance(now, DatasetState)
    assert isinstance(then, DatasetState)
    dropped = _difference(
        DROPPED,
        {dropped_key(d): to_record(d) for d in now.dropped},
        {dropped_key(d): to_record(d) for d in then.dropped},
    )
    return [(DATASET, key_of(ref), record), *dropped]


def _difference(
    kind: str, now: Mapping[str, str], then: Mapping[str, str]
) -> list[tuple[str, str, str | None]]:
    gone: list[tuple[str, str, str | None]] = [(kind, key, None) for key in now if key not in then]
    return gone + [(kind, key, record) for key, record in then.items() if now.get(key) != record]
