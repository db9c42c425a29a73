from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from bqsim.catalog.refs import DatasetRef
from bqsim.errors import BigQueryError
from bqsim.jobs.results import RESULT_LIFE_US, ResultSet, ResultStore, Window
from bqsim.types import INT64, STRING, field_of

SCHEMA = (field_of("n", INT64),)
DATASET = DatasetRef("p", "_h")


def add(store: ResultStore, name: str, rows: int = 100, at_us: int = 0) -> ResultSet:
    return store.add(SCHEMA, pa.table({"c1": pa.array(range(rows), pa.int64())}), DATASET.table(name), at_us)


def test_slices_share_memory() -> None:
    result = add(ResultStore(1 << 20), "a")
    part = result.slice(10, 3)
    assert part.column(0).to_pylist() == [10, 11, 12]
    assert part.column(0).chunk(0).buffers()[1].address == result.rows.column(0).chunk(0).buffers()[1].address


def test_results_beyond_the_bound_are_spilled_oldest_first(tmp_path: Path) -> None:
    store = ResultStore(2000, tmp_path)
    first, second, third = (add(store, name) for name in "abc")
    assert [r.path is not None for r in (first, second, third)] == [True, False, False]
    assert store.in_memory == 1600
    assert first.slice(98, 5).column(0).to_pylist() == [98, 99]
    files = list(tmp_path.rglob("*.arrow"))
    assert [f.name for f in files] == ["a.arrow"]
    store.close()
    assert list(tmp_path.iterdir()) == []


def test_one_result_greater_than_the_bound_is_spilled(tmp_path: Path) -> None:
    store = ResultStore(10, tmp_path)
    result = add(store, "a", 1000)
    assert result.path is not None
    assert store.in_memory == 0
    assert result.rows.num_rows == 1000


def test_results_expire_after_24_hours() -> None:
    store = ResultStore(1 << 20)
    old = add(store, "old", at_us=0)
    assert store.find(old.ref, RESULT_LIFE_US - 1) is old
    assert store.find(old.ref, RESULT_LIFE_US) is None
    add(store, "new", at_us=RESULT_LIFE_US)
    assert store.in_memory == 800
    with pytest.raises(BigQueryError, match=r"Not found: Table p:_h\.old"):
        old.slice(0, 1)


def test_expired_files_are_deleted(tmp_path: Path) -> None:
    store = ResultStore(10, tmp_path)
    add(store, "old")
    add(store, "new", at_us=RESULT_LIFE_US)
    assert [f.name for f in tmp_path.rglob("*.arrow")] == ["new.arrow"]


def test_hidden_datasets_differ_by_project_user_and_location() -> None:
    store = ResultStore(1)
    names = {
        store.hidden_dataset(p, c, at) for p in ("p", "q") for c in ("ann", "bob") for at in ("US", "EU")
    }
    assert len(names) == 8
    assert all(n.dataset.startswith("_") for n in names)
    assert store.hidden_dataset("p", "ann", "US") == store.hidden_dataset("p", "ann", "US")


def test_hidden_datasets_are_listed_once_they_hold_something() -> None:
    store = ResultStore(1 << 20)
    assert store.hidden_datasets("p") == []
    result = add(store, "a", at_us=5000)
    (dataset,) = store.hidden_datasets("p")
    assert (dataset.ref, dataset.created_ms, dataset.location) == (DATASET, 5, "US")
    assert store.hidden_datasets("q") == []
    assert store.tables(DATASET, 6000) == [result]


def test_a_result_is_a_table() -> None:
    table = add(ResultStore(1 << 20), "a", 7, at_us=9_000).as_table()
    assert (table.num_rows, table.fields, table.location, table.storage) == (7, SCHEMA, "US", None)
    assert table.expiration_ms == 9 + 24 * 3600 * 1000


def test_windows() -> None:
    assert Window("j").of(10, 1) == (0, 10, None)
    start, count, token = Window("j", max_results=4).of(10, 1)
    assert (start, count) == (0, 4)
    start, count, token = Window("j", start_index=9, max_results=4, page_token=token).of(10, 1)
    assert (start, count) == (4, 4)
    start, count, token = Window("j", max_results=4, page_token=token).of(10, 1)
    assert (start, count, token) == (8, 2, None)


def test_a_page_ends_near_its_bytes_but_has_a_row() -> None:
    assert Window("j", max_bytes=100).of(50, 30)[:2] == (0, 3)
    assert Window("j", max_bytes=100).of(50, 1000)[:2] == (0, 1)


def test_no_results_wanted_has_no_token() -> None:
    assert Window("j", max_results=0).of(10, 1) == (0, 0, None)


def test_a_start_beyond_the_end_is_an_empty_page() -> None:
    assert Window("j", start_index=99).of(10, 1) == (99, 0, None)


@pytest.mark.parametrize("window", [Window("j", start_index=-1), Window("j", max_results=-1)])
def test_negative_numbers_are_invalid(window: Window) -> None:
    with pytest.raises(BigQueryError, match="must be non-negative"):
        window.of(10, 1)


def test_the_oldest_results_go_when_there_are_too_many() -> None:
    store = ResultStore(1 << 20, max_results=3)
    results = [add(store, f"r{n}") for n in range(5)]
    assert [r.dropped for r in results] == [True, True, False, False, False]
    assert store.find(DATASET.table("r1"), 0) is None
    assert store.in_memory == 3 * 800


def test_results_since_a_time_are_dropped(tmp_path: Path) -> None:
    store = ResultStore(2000, tmp_path)
    first, *others = (add(store, name, at_us=n) for n, name in enumerate("abc", 1))
    store.forget_since(1)
    assert store.find(DATASET.table("a"), 5) is first and not first.dropped
    assert all(r.dropped for r in others) and store.in_memory == 0
    assert store.find(DATASET.table("b"), 5) is None


def test_the_json_of_small_results_is_kept() -> None:
    store, schema = ResultStore(1 << 20), (field_of("s", STRING),)
    small, large = (
        store.add(schema, pa.table({"c1": pa.array(["x" * size] * 2)}), DATASET.table(f"t{size}"), 0)
        for size in (10, 10_000)
    )
    assert small.kept_json(2) is not None and small.kept_json(2) is small.kept_json(2)
    assert small.kept_json(1) is None and large.kept_json(2) is None
