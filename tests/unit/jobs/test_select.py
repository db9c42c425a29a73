from __future__ import annotations

from typing import Any

import pytest

from bqsim.errors import BigQueryError
from bqsim.jobs.select import select_columns, select_fields
from bqsim.types import INT64, STRING, array_of, field_of, struct_of
from bqsim.types.values import table_from_rows

SIZE = struct_of(("w", INT64), ("h", INT64))
FIELDS = (
    field_of("id", INT64),
    field_of("info", struct_of(("age", INT64), ("city", STRING))),
    field_of("items", array_of(struct_of(("sku", STRING), ("size", SIZE)))),
)
ROWS = table_from_rows(
    FIELDS,
    [
        [1, [30, "X"], [["a", [1, 2]], ["b", None]]],
        [2, None, []],
        [3, [None, "Y"], [["c", [3, 4]]]],
    ],
)


def select(selected: str | None, start: int = 0) -> tuple[list[str], list[tuple[Any, ...]]]:
    fields, places = select_fields(FIELDS, selected)
    rows = select_columns(ROWS.slice(start), places, fields)
    return [f.name for f in fields], [tuple(r.values()) for r in rows.to_pylist()]


def test_nothing_selected_is_everything() -> None:
    names, rows = select(None)
    assert names == ["id", "info", "items"]
    assert rows == [tuple(r.values()) for r in ROWS.to_pylist()]


def test_columns_come_in_the_order_of_the_table() -> None:
    assert select("items,ID")[0] == ["id", "items"]


def test_nested_fields() -> None:
    names, rows = select("info.city")
    assert names == ["info"]
    assert rows == [({"_1": "X"},), (None,), ({"_1": "Y"},)]


def test_fields_of_repeated_records() -> None:
    _, rows = select("items.size.h")
    assert rows == [
        ([{"_1": {"_1": 2}}, {"_1": None}],),
        ([],),
        ([{"_1": {"_1": 4}}],),
    ]


def test_slices_keep_their_rows() -> None:
    _, rows = select("info.age,items.sku", start=1)
    assert rows == [(None, []), ({"_1": None}, [{"_1": "c"}])]


def test_a_record_and_its_field_is_the_whole_record() -> None:
    fields, _ = select_fields(FIELDS, "info.city,info")
    assert [f.name for f in fields[0].fields] == ["age", "city"]


@pytest.mark.parametrize("selected", ["nope", "info.nope", "id.x", "items.size.nope", "id,nope"])
def test_unknown_paths(selected: str) -> None:
    with pytest.raises(BigQueryError, match="No such field") as caught:
        select_fields(FIELDS, selected)
    assert caught.value.http == 400
