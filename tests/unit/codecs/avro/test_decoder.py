from __future__ import annotations

from typing import Any

import pytest

from bqsim.codecs.avro.decoder import ARRAY, LONG, RECORD, NoPlan, decode, plan_of

ROW = {
    "type": "record",
    "name": "Row",
    "fields": [
        {"name": "a", "type": ["null", "long"]},
        {"name": "b", "type": {"type": "array", "items": "string"}},
    ],
}


def test_plans_and_columns() -> None:
    plan = plan_of(ROW, {})
    assert (plan.kind, [c.kind for c in plan.children], plan.children[0].null) == (RECORD, [LONG, ARRAY], 0)
    # (NULL, ["x", "yz"]), (-1, [] with the sizes of its blocks)
    found = decode(plan, [(1, bytes([0, 4, 2, 120, 4, 121, 122, 0])), (1, bytes([2, 1, 0]))])
    number, strings = found.children
    assert (number.valid.tolist(), number.data.tolist()) == ([False, True], [0, -1])
    assert strings.offsets.tolist() == [0, 2, 2]
    assert bytes(strings.children[0].data) == b"xyz"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x02",
        b"\x04\x00",
        b"\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x00\x00\x00",
        b"\x00\x02\x05",
    ],
)
def test_bytes_that_are_no_records(data: bytes) -> None:
    with pytest.raises(NoPlan):
        decode(plan_of(ROW, {}), [(1, data)])


@pytest.mark.parametrize(
    "schema",
    [
        ["null", "long", "string"],
        {"type": "array", "items": {"type": "record", "name": "E", "fields": []}},
        {"type": "record", "name": "Row", "fields": [{"name": "r", "type": ["null", "Row"]}]},
        "null",
    ],
    ids=["union", "no bytes", "within itself", "null"],
)
def test_schemas_without_a_plan(schema: Any) -> None:
    with pytest.raises(NoPlan):
        plan_of(schema, {"Row": schema})
