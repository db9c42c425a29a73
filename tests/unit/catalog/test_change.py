"""Changes appear with the commit, all or none."""

from __future__ import annotations

import pytest

from bqsim.catalog.store import Catalog

from .conftest import DATASET, MemorySession, dataset, table

HOUR_US = 3600 * 1_000_000


def test_changes_appear_together_after_the_commit(catalog: Catalog, session: MemorySession) -> None:
    with catalog.change(session) as change:
        change.put_dataset(dataset())
        change.put_table(table())
        assert catalog.find_dataset(DATASET) is None
        assert session.records == {}
    assert catalog.dataset(DATASET) == dataset()
    assert catalog.table(DATASET.table("t")) == table()


def test_a_failed_change_changes_nothing(filled: Catalog, session: MemorySession) -> None:
    before = dict(session.records)
    with pytest.raises(ZeroDivisionError), filled.change(session) as change:
        change.drop_table(DATASET.table("a"))
        raise ZeroDivisionError
    assert filled.find_table(DATASET.table("a")) is not None
    assert session.records == before


def test_a_change_in_an_open_transaction_waits_for_its_end(catalog: Catalog, session: MemorySession) -> None:
    with session.transaction():
        with catalog.change(session) as change:
            change.put_dataset(dataset())
        assert catalog.find_dataset(DATASET) is None
    assert catalog.find_dataset(DATASET) is not None
