from __future__ import annotations

import pytest

from bqsim.catalog.refs import DatasetRef, RoutineRef, TableRef
from bqsim.errors import BigQueryError
from bqsim.sql.plan import Context
from bqsim.sql.statements.names import dataset_ref, routine_ref, table_ref

CTX = Context("p", DatasetRef("q", "dd"), temp_dataset=DatasetRef("p", "_t"))


@pytest.mark.parametrize(
    ("path", "ref"),
    [
        (["t"], TableRef("q", "dd", "t")),
        (["d", "t"], TableRef("p", "d", "t")),
        (["x", "d", "t"], TableRef("x", "d", "t")),
        (["x.d.t"], TableRef("x", "d", "t")),
        (["x.d", "t"], TableRef("x", "d", "t")),
        (["_SESSION", "t"], TableRef("p", "_t", "t")),
    ],
)
def test_tables(path: list[str], ref: TableRef) -> None:
    assert table_ref(path, CTX) == ref


def test_temporary_tables() -> None:
    assert table_ref(["t"], CTX, temporary=True) == TableRef("p", "_t", "t")


def test_datasets_and_routines() -> None:
    assert dataset_ref(["d"], CTX) == DatasetRef("p", "d")
    assert dataset_ref(["x.d"], CTX) == DatasetRef("x", "d")
    assert routine_ref(["f"], CTX) == RoutineRef("q", "dd", "f")
    assert routine_ref(["x", "d", "f"], CTX) == RoutineRef("x", "d", "f")


@pytest.mark.parametrize("path", [["a", "b", "c", "d"], ["t"]])
def test_paths_that_name_nothing(path: list[str]) -> None:
    with pytest.raises(BigQueryError) as caught:
        table_ref(path, Context("p"))
    assert caught.value.reason.name == "invalid"
    with pytest.raises(BigQueryError):
        routine_ref(path, Context("p"))
    if len(path) > 2:
        with pytest.raises(BigQueryError):
            dataset_ref(path, Context("p"))
