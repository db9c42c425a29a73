from __future__ import annotations

from dataclasses import replace

import pytest

from bqsim.catalog.persistence import from_record, to_record
from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import Table, TableKind
from bqsim.catalog.shadow import (
    SHADOW,
    WHOLE,
    Accuracy,
    ShadowBlock,
    ShadowStatistics,
    as_shadow,
    combined,
    is_empty_shadow,
    shadow_of,
    statistics_from,
)
from bqsim.types import Field, TypeKind

STATISTICS = ShadowStatistics(
    columns={"id": 800, "Name": 1201},
    parts={"20260101": (60, 1300, 7), "20260102": (40, 701, 8)},
    leaves={"s.a": 3},
    accuracies={"Name": Accuracy.UPPER_BOUND},
    figures={"long_term_logical_bytes": 5},
    generate=10,
)


def _table() -> Table:
    fields = (Field("id", TypeKind.INT64), Field("Name", TypeKind.STRING))
    return Table(TableRef("p", "d", "t"), TableKind.TABLE, fields, 1, 1, "e", "US")


def test_totals_are_those_of_the_partitions() -> None:
    assert (STATISTICS.rows, STATISTICS.bytes) == (100, 2001)


def test_columns_divide_the_bytes_of_each_partition() -> None:
    for id_, (_, size, _) in STATISTICS.parts.items():
        assert STATISTICS.partitions[id_].total_bytes == size
    assert STATISTICS.bytes_of(["id", "name"]) == 2001
    # Eight bytes for each row of a column of that size; the others divide the rest.
    assert STATISTICS.bytes_of(["id"], ["20260102"]) == 8 * 40
    assert STATISTICS.bytes_of(["name"], ["20260102", "20270101"]) == 701 - 8 * 40
    assert STATISTICS.bytes_of(["other"]) == 0


def test_partitions_too_small_for_fixed_sizes_are_divided_by_weight() -> None:
    found = ShadowStatistics({"id": 80, "name": 20}, {"a": (5, 10, 0), "b": (5, 90, 0)})
    assert dict(found.partitions["a"].bytes) == {"id": 8, "name": 2}
    assert found.partitions["b"].bytes["id"] + found.partitions["b"].bytes["name"] == 90


def test_columns_of_no_known_size_share_alike() -> None:
    found = ShadowStatistics({"a": 0, "b": 0}, {WHOLE: (1, 10, 0)})
    assert dict(found.partitions[WHOLE].bytes) == {"a": 5, "b": 5}


def test_a_text_holds_everything() -> None:
    table = as_shadow(_table(), STATISTICS)
    assert shadow_of(table) == STATISTICS
    assert shadow_of(from_record(Table, to_record(table))) == STATISTICS
    assert SHADOW not in as_shadow(table, None).metadata
    assert shadow_of(_table()) is None


def test_bounds_of_both_sides_are_unknown() -> None:
    assert combined([]) is Accuracy.PRECISE
    assert combined([Accuracy.PRECISE, Accuracy.LOWER_BOUND]) is Accuracy.LOWER_BOUND
    assert combined([Accuracy.UPPER_BOUND, Accuracy.LOWER_BOUND]) is Accuracy.UNKNOWN


def test_accuracy_is_that_of_the_columns() -> None:
    assert STATISTICS.accuracy is Accuracy.UPPER_BOUND
    assert STATISTICS.accuracy_of(["ID"]) is Accuracy.PRECISE
    assert STATISTICS.accuracy_of(["name"]) is Accuracy.UPPER_BOUND
    # All columns are what storage says.
    assert STATISTICS.accuracy_of(["id", "name"]) is Accuracy.PRECISE


def test_empty_is_a_shadow_without_rows_of_its_own() -> None:
    from dataclasses import replace

    shadow = as_shadow(_table(), STATISTICS)
    assert is_empty_shadow(shadow)
    assert not is_empty_shadow(replace(shadow, num_rows=1))
    assert not is_empty_shadow(_table())
    assert not is_empty_shadow(as_shadow(_table(), ShadowStatistics({"id": 0}, {WHOLE: (0, 0, 0)})))


def test_blocks_are_kept() -> None:
    blocks = {"20260101": (ShadowBlock(7, {"id": (1, 9, 2), "Name": (None, None, 3)}), ShadowBlock(0, {}))}
    told = replace(STATISTICS, blocks=blocks)
    assert statistics_from(told.to_text()).blocks == blocks
    assert "blocks" not in STATISTICS.to_text()


@pytest.mark.parametrize(
    "block", ["1", "[1]", "[-1,{}]", '[1,{"id":[1,2]}]', '["1",{}]', '[1,{"id":[1,2,null]}]']
)
def test_blocks_that_cannot_be(block: str) -> None:
    text = STATISTICS.to_text()[:-1] + f',"blocks":{{"":[{block}]}}}}'
    with pytest.raises((ValueError, TypeError)):
        statistics_from(text)
