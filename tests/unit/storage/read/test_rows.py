from __future__ import annotations

from typing import Any

import pytest

from bqsim.catalog.refs import TableRef
from bqsim.storage.read.blocks import BlockMaps
from bqsim.storage.read.projection import project
from bqsim.storage.read.restriction import Restrictions
from bqsim.storage.read.rows import Reading
from bqsim.storage.read.sampling import sample_of
from bqsim.storage.read.sources import find_source

from .conftest import Reader

TABLE = TableRef("p", "d", "t")
RESULT = TableRef("p", "_hidden", "anon1")
NUMBERS = "SELECT x, x * 2 AS y FROM UNNEST(GENERATE_ARRAY(0, 9999)) AS x"


def reading(reader: Reader, ref: TableRef, condition: str = "", percentage: float = 100.0) -> Reading:
    source = find_source(reader.warehouse.catalog, reader.results, ref, None, reader.clock.now_us())
    restrictions = Restrictions(reader.warehouse.executor)
    blocks = reader.pool.submit(lambda session: BlockMaps().of(session, source, 1000)).result()
    return Reading(
        source,
        project(source, ["x"]),
        blocks,
        restrictions.condition(source, condition, "me", reader.clock.now_us()),
        sample_of(percentage, 7, blocks),
    )


def rows(reader: Reader, what: Reading, start: int, end: int) -> list[Any]:
    found = reader.pool.submit(lambda session: what.rows(session, start, end)).result()
    return list(found.column(0).to_pylist())


@pytest.fixture(params=[TABLE, RESULT], ids=["table", "result"])
def ref(reader: Reader, request: pytest.FixtureRequest) -> TableRef:
    reader.warehouse.run(f"CREATE TABLE d.t AS SELECT * FROM ({NUMBERS}) ORDER BY x")
    if request.param is RESULT:
        reader.result("SELECT * FROM d.t ORDER BY x")
    found: TableRef = request.param
    return found


CASES: list[tuple[str, float]] = [
    ("", 100.0),
    ("MOD(x, 3) = 1", 100.0),
    ("", 40.0),
    ("x > 1500", 40.0),
    (f"x IN ({', '.join(str(n * 7919 % 10_000) for n in range(1000))})", 100.0),
]


@pytest.mark.parametrize(("condition", "percentage"), CASES)
@pytest.mark.parametrize("changed", [False, True])
def test_rows_come_in_order_and_are_counted(
    reader: Reader, ref: TableRef, condition: str, percentage: float, changed: bool
) -> None:
    if changed:
        reader.warehouse.run("DELETE FROM d.t WHERE x BETWEEN 2100 AND 3900")
    what = reading(reader, ref, condition, percentage)
    whole = rows(reader, what, 0, 10_000)
    assert whole == sorted(whole)
    parts = [rows(reader, what, at, at + 500) for at in range(0, 10_000, 500)]
    assert [x for part in parts for x in part] == whole
    counts = reader.pool.submit(lambda session: what.counts(session, 700, 8200, 1000)).result()
    wanted = {k: rows(reader, what, max(k * 1000, 700), min(k * 1000 + 1000, 8200)) for k in range(9)}
    assert {k: n for k, n in counts.items() if n} == {k: len(v) for k, v in wanted.items() if v}
    assert what.counted is (not condition and percentage == 100.0)


def test_readings_of_the_same_values_are_equal(reader: Reader, ref: TableRef) -> None:
    plain = reading(reader, ref)
    assert plain.key == reading(reader, ref).key
    assert hash(plain.key) == hash(reading(reader, ref).key)
    others = [reading(reader, ref, "x > 1"), reading(reader, ref, "", 50.0)]
    assert len({plain.key, *(other.key for other in others)}) == 3
