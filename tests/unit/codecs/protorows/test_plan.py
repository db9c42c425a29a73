from __future__ import annotations

import numpy as np
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as P

from bqsim.codecs.protorows import ProtoField
from bqsim.codecs.protorows.plan import (
    BITMAP,
    CELLS,
    CHILD,
    ONEOF,
    OWNER,
    PACKED,
    PRESENCE,
    SLOT_BYTES,
    SLOT_WORDS,
    STARTS,
    VALUES,
    Plan,
)
from bqsim.codecs.wasm import FIRST_ADDRESS

NUMBER = ProtoField("n", 1, P.TYPE_INT32, False)
TEXT = ProtoField("t", 2, P.TYPE_STRING, False)
FLAGS = ProtoField("f", 3, P.TYPE_BOOL, True)
ITEM = ProtoField("i", 4, P.TYPE_MESSAGE, True, fields=(NUMBER, FLAGS))
PART = ProtoField("p", 5, P.TYPE_MESSAGE, False, fields=(TEXT, FLAGS))


def slots(plan: Plan) -> np.ndarray:
    words = plan.words()[(plan.slots - FIRST_ADDRESS) // 4 :]
    return words[: SLOT_WORDS * len(plan.slot_fields)].reshape(-1, SLOT_WORDS)


def test_the_fields_of_a_message_are_neighbours() -> None:
    plan = Plan((ITEM, NUMBER, PART))
    assert plan.slot_fields == (ITEM, NUMBER, PART, NUMBER, FLAGS, TEXT, FLAGS)
    assert plan.first_child == (3, -1, 5, -1, -1, -1, -1)
    assert plan.has_lists
    assert not Plan((NUMBER, TEXT)).has_lists


def test_items_of_a_repeated_message_own_what_is_below() -> None:
    plan = Plan((ITEM, NUMBER, PART))
    table = slots(plan)
    assert table[:, OWNER].tolist() == [0, 0, 0, plan.slots, plan.slots, 0, 0]
    assert [bool(c) for c in table[:, CHILD]] == [True, False, True, False, False, False, False]


def test_members_of_a_oneof_know_the_others() -> None:
    members = [ProtoField(n, i, P.TYPE_INT32, False, oneof=0) for i, n in enumerate("abc", 1)]
    plan = Plan((*members, TEXT))
    words, table = plan.words(), slots(plan)
    assert table[3, ONEOF] == 0
    at = (int(table[1, ONEOF]) - FIRST_ADDRESS) // 4
    assert words[at : at + 3].tolist() == [2, plan.slots, plan.slots + 2 * SLOT_BYTES]


def test_arrays_do_not_overlap() -> None:
    plan = Plan((ITEM, NUMBER, PART, ProtoField("d", 9, P.TYPE_DOUBLE, True)))
    counts = np.array([7, 0, 0, 11, 0, 13, 0, 5], np.int64)
    layout = plan.layout(9, counts)
    names = [f.name for f in plan.slot_fields]
    assert names == ["i", "n", "p", "d", "n", "f", "t", "f"]
    # Bytes of the arrays of each slot: presence, cells, values, starts, bitmap, packed.
    expected = {
        (STARTS, 0): 4 * 10,
        (PRESENCE, 1): 9, (VALUES, 1): 4 * 9, (BITMAP, 1): 2,
        (PRESENCE, 2): 9, (BITMAP, 2): 2,
        (VALUES, 3): 8 * 11, (STARTS, 3): 4 * 10,
        (PRESENCE, 4): 7, (VALUES, 4): 4 * 7, (BITMAP, 4): 1,
        (CELLS, 5): 13, (STARTS, 5): 4 * 8, (PACKED, 5): 2,
        (PRESENCE, 6): 9, (CELLS, 6): 8 * 9, (BITMAP, 6): 2, (PACKED, 6): 4 * 10,
        (CELLS, 7): 5, (STARTS, 7): 4 * 10, (PACKED, 7): 1,
    }  # fmt: skip
    places = sorted((int(layout.columns[w - PRESENCE, s]), n, w) for (w, s), n in expected.items())
    end = 0
    for start, size, _ in places:
        assert start % 8 == 0
        assert start >= end
        end = start + size
    assert end <= layout.size < end + 8
    copied = {w for start, _, w in places if start >= layout.result}
    assert copied == {VALUES, STARTS, BITMAP, PACKED}


def test_a_plan_of_no_fields() -> None:
    plan = Plan(())
    assert plan.layout(5, np.zeros(0, np.int64))[1:] == (0, 0)
    assert plan.nbytes == len(plan.words()) * 4
