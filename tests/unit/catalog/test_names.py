from __future__ import annotations

import pytest

from bqsim.catalog.names import check_dataset_id, check_routine_id, check_table_id
from bqsim.errors import BigQueryError


@pytest.mark.parametrize("name", ["d", "_hidden", "A1_b", "x" * 1024])
def test_good_dataset_ids(name: str) -> None:
    check_dataset_id(name)


@pytest.mark.parametrize("name", ["a-b", "a b", "é", "a.b", "x" * 1025, "a\n"])
def test_bad_dataset_ids(name: str) -> None:
    with pytest.raises(BigQueryError) as caught:
        check_dataset_id(name)
    assert caught.value.message == (
        f'Invalid dataset ID "{name}". Dataset IDs must be alphanumeric (plus underscores) '
        "and must be at most 1024 characters long."
    )
    assert caught.value.reason.name == "invalid"


@pytest.mark.parametrize("name", ["t", "my table", "a-b", "été", "表", "a_1", "x" * 1024])
def test_good_table_ids(name: str) -> None:
    check_table_id(name)


@pytest.mark.parametrize("name", ["a.b", "a/b", "a$b", "a`b", "t\n", "é" * 513])
def test_bad_table_ids(name: str) -> None:
    with pytest.raises(BigQueryError, match=r"^Invalid table ID "):
        check_table_id(name)


@pytest.mark.parametrize("check", [check_dataset_id, check_table_id, check_routine_id])
def test_an_empty_id_is_required(check: object) -> None:
    with pytest.raises(BigQueryError) as caught:
        check("")  # type: ignore[operator]
    assert caught.value.reason.name == "required"


def test_routine_ids_are_shorter() -> None:
    check_routine_id("f" * 256)
    with pytest.raises(BigQueryError, match=r"^Invalid routine ID "):
        check_routine_id("f" * 257)
