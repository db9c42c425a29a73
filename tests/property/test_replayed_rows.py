"""Any part of recorded rows, in any form and with any columns, is that part of the whole."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bqsim.replay.rows import RecordedRows
from bqsim.types.text import TimestampFormat
from bqsim.types.wire import WireOptions, encode_rows
from tests.unit.replay.recorded import FIELDS, FORMS, SCHEMA, Store, cells, rows, stretch

COUNT = 40
ROWS = rows(COUNT)


def recorded(cuts: list[int], forms: list[str]) -> RecordedRows:
    """The rows in stretches that end at ``cuts``, each in a form of its own."""
    store = Store()
    borders = [0, *sorted(set(cuts)), COUNT]
    parts = [
        stretch(store, ROWS.slice(a, b - a), forms[i % len(forms)], a)
        for i, (a, b) in enumerate(itertools.pairwise(borders))
        if b > a
    ]
    return RecordedRows(store, parts, SCHEMA)


parts = st.tuples(st.integers(0, COUNT), st.integers(0, COUNT)).map(lambda p: (min(p), max(p) - min(p)))


@pytest.mark.parametrize("form", FORMS)
@given(
    cuts=st.lists(st.integers(0, COUNT), max_size=3),
    others=st.lists(st.sampled_from(FORMS), max_size=2),
    part=parts,
    spelled=st.sampled_from([TimestampFormat.INT64, TimestampFormat.ISO8601_STRING]),
    columns=st.lists(st.sampled_from(range(len(FIELDS))), unique=True, min_size=1),
)
@settings(max_examples=10, deadline=None)
def test_parts_are_parts_of_the_whole(
    form: str,
    cuts: list[int],
    others: list[str],
    part: tuple[int, int],
    spelled: TimestampFormat,
    columns: list[int],
) -> None:
    start, count = part
    found = recorded(cuts, [form, *others])
    options = WireOptions(spelled)
    assert found.json(start, count, options=options) == encode_rows(FIELDS, ROWS.slice(start, count), options)
    chosen = sorted(columns)
    table = found.table(start, count, [FIELDS[i] for i in chosen])
    wanted = ROWS.select([f"c{i + 1}" for i in chosen]).slice(start, count)
    assert cells(table) == cells(wanted)
    assert sum(b.num_rows for b in found.arrow(start, count)) == count
