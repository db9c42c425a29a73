"""Cassettes are trimmed, merged and compared; what they tell of results stays true."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bqsim.record.cassette.cassette import Cassette
from bqsim.record.cassette.differing import diff, robust_verdict
from bqsim.record.cassette.errors import CassetteError
from bqsim.record.cassette.header import Header
from bqsim.record.cassette.merging import MergeError, merge
from bqsim.record.cassette.stretches import plain_rows
from bqsim.record.cassette.trimming import chosen, folder_size, trim
from bqsim.record.cassette.writer import CassetteWriter
from bqsim.record.model import Operation

from .conftest import query, stretch, write

TABLE = "table:${project}.shop.t"


@pytest.mark.parametrize("rows", [0, 1, 7, 20, 33, 40, 1000])
def test_rows_are_left_out_and_totals_stay(cassette: Cassette, rows: int) -> None:
    before = list(cassette.operations())
    done = trim(cassette, rows=rows)
    after = list(Cassette.open(cassette.folder).operations())
    assert done.size[1] == folder_size(cassette.folder)
    for old, new in zip(before, after, strict=True):
        kept = new.result.get("rows", [])
        assert sum(s["count"] for s in kept) == (min(rows, 40) if old.kind == "query" else 0)
        assert {k: v for k, v in new.result.items() if k != "rows"} == {
            k: v for k, v in old.result.items() if k != "rows"
        }
        if rows == 7 and old.kind == "query" and kept[0]["format"] != "avro":
            told = plain_rows(kept, cassette, 100)
            assert len(told) == 7 and "6" in str(told[-1])
    assert not list((cassette.folder / "blobs").rglob("*.part"))


def test_avro_is_cut_behind_a_row(cassette: Cassette) -> None:
    import io
    import json

    import fastavro

    trim(cassette, rows=3)
    (operation,) = (o for o in Cassette.open(cassette.folder).operations() if o.key == f"{2:016x}")
    (kept,) = operation.result["rows"]
    source = io.BytesIO(cassette.blob(kept["data"]))
    schema = fastavro.parse_schema(json.loads(kept["schema"]))
    assert [fastavro.schemaless_reader(source, schema, None)["n"] for _ in range(3)] == [0, 1, 2]
    assert not source.read()


def test_pages_are_left_out(cassette: Cassette) -> None:
    trim(cassette, pages=1)
    for operation in Cassette.open(cassette.folder).operations():
        assert len(operation.result.get("rows", [])) <= 1


def test_a_budget_leaves_out_rows_until_it_fits(tmp_path: Path) -> None:
    cassette = write(tmp_path / "x.cassette", 4000)
    size = folder_size(cassette.folder)
    done = trim(cassette, tmp_path / "small.cassette", budget=size // 2)
    assert folder_size(tmp_path / "small.cassette") <= size // 2
    assert done.rows and folder_size(cassette.folder) == size
    with pytest.raises(CassetteError, match="without any rows it still takes"):
        trim(cassette, budget=100)
    assert folder_size(cassette.folder) == size
    with pytest.raises(CassetteError, match="there is a cassette already"):
        trim(cassette, tmp_path / "small.cassette")


def test_operations_are_left_out_and_orders_stay_right(cassette: Cassette) -> None:
    # The last operation has a symbol of the third change, so that this one stays.
    trim(cassette, keep=chosen(["00000000000000c8.1", "query"]))
    after = {o.name: o for o in Cassette.open(cassette.folder).operations()}
    assert set(after) == {f"{n:016x}.1" for n in (0, 1, 2, 3, 102, 200)}
    assert after[f"{102:016x}.1"].order == {TABLE: 0}
    assert after[f"{200:016x}.1"].order == {TABLE: 1}


def test_occurrences_follow_on_when_one_is_left_out(tmp_path: Path) -> None:
    writer = CassetteWriter(tmp_path / "x.cassette")
    three = [query(1, {"n": n}, occurrence=n) for n in (1, 2, 3)]
    user = Operation("other", "f" * 16, 1, {}, {"of": f"${{job@{three[2].name}}}"})
    writer.write(Header(), [*three, user])
    trim(Cassette.open(tmp_path / "x.cassette"), keep=lambda o: o.occurrence != 2)
    left = list(Cassette.open(tmp_path / "x.cassette").operations())
    assert [(o.occurrence, o.result.get("n")) for o in left] == [(1, 1), (2, 3), (1, None)]
    assert left[2].result == {"of": f"${{job@{three[0].key}.2}}"}


# --- merge


@pytest.mark.fidelity("recording:cassettes", "exact")
def test_equal_operations_are_kept_once(tmp_path: Path) -> None:
    a, b = write(tmp_path / "a.cassette"), write(tmp_path / "b.cassette")
    made = merge([a, b], tmp_path / "c.cassette")
    assert list(made.operations()) == list(a.operations())
    assert made.header == a.header


def _other(folder: Path, **more: Any) -> Cassette:
    """A cassette with one query that others have, and one of its own, that has a symbol of the first."""
    writer = CassetteWriter(folder)
    first = query(0, {"totalRows": 5, "rows": [stretch(writer, "json", 5)]})
    own = query(50, {"totalRows": 1, "of": f"${{job@{first.name}}}"}, order={TABLE: 0}, changes=(TABLE,))
    writer.write(Header(recorded="2025-06-01", clients=["gl-go/1"], **more), [first, own])
    return Cassette.open(folder)


def test_differing_operations_are_a_conflict(tmp_path: Path) -> None:
    a, b = write(tmp_path / "a.cassette"), _other(tmp_path / "b.cassette")
    with pytest.raises(MergeError) as raised:
        merge([a, b], tmp_path / "c.cassette")
    (conflict,) = raised.value.conflicts
    assert conflict.what == "operation query 0000000000000000.1"
    assert "result.totalRows: 40 → 5 (-87.5%)" in conflict.detail
    assert not (tmp_path / "c.cassette").exists()


@pytest.mark.parametrize(("how", "rows"), [("first", [40]), ("last", [5]), ("both", [40, 5])])
def test_conflicts_are_decided(tmp_path: Path, how: str, rows: list[int]) -> None:
    a, b = write(tmp_path / "a.cassette"), _other(tmp_path / "b.cassette")
    made = merge([a, b], tmp_path / "c.cassette", conflicts=how)
    found = {o.name: o for o in made.operations()}
    assert [o.result["totalRows"] for o in found.values() if o.key == "0" * 16] == rows
    own = found[f"{50:016x}.1"]
    # It is of the query that it was recorded with, and its change comes after the three of the first.
    assert own.result["of"] == f"${{job@0000000000000000.{len(rows)}}}"
    assert own.order == {TABLE: 3}
    assert made.header.recorded == "2025-06-01"
    assert made.header.clients == ["gl-go/1", "gl-python/3.12.1 gccl/3.30.0"]
    for operation in found.values():
        for one in operation.result.get("rows", ()):
            assert made.blob(one["data"])


def test_headers_that_do_not_fit(tmp_path: Path) -> None:
    a = _other(tmp_path / "a.cassette", names={"name:x": "one"})
    b = _other(tmp_path / "b.cassette", names={"name:x": "two"})
    with pytest.raises(MergeError, match=r"name name:x: .* differ\n    'one' and 'two'"):
        merge([a, b], tmp_path / "c.cassette", conflicts="first")


# --- diff


def test_the_same_recording_does_not_differ(tmp_path: Path) -> None:
    a, b = write(tmp_path / "a.cassette"), write(tmp_path / "b.cassette")
    assert not diff(a, b)


def _changed(tmp_path: Path, change: Any) -> list[str]:
    a = write(tmp_path / "a.cassette")
    writer = CassetteWriter(tmp_path / "b.cassette")
    for path in (a.folder / "blobs").rglob("*.zst"):
        writer.blobs.put(a.blobs.get(path.stem))
    writer.write(a.header, change(list(a.operations()), writer))
    found = diff(a, Cassette.open(tmp_path / "b.cassette"))
    return [f"{c.what} {c.name[12:]} {line}".strip() for c in found.changes for line in c.lines or ("",)]


def _first(operation: Operation, **result: Any) -> Operation:
    return replace(operation, result={**operation.result, **result})


def test_what_differs_is_told(tmp_path: Path) -> None:
    def change(all_: list[Operation], writer: CassetteWriter) -> list[Operation]:
        statistics = {"totalBytesProcessed": "1500", "query": {"totalBytesBilled": "10485760"}}
        schema = {"fields": [{"name": "n", "type": "NUMERIC"}, {"name": "s", "type": "STRING"}]}
        fewer = [stretch(writer, "json", 10)]
        all_[0] = _first(all_[0], job={"statistics": statistics}, schema=schema, totalRows=10, rows=fewer)
        sql = all_[1].request["sql"] + "\nLIMIT 5"
        all_[1] = replace(all_[1], key="e" * 16, request={**all_[1].request, "sql": sql})
        return [*all_[:7], Operation("other", "d" * 16, 1, {"verb": "GET", "target": "/x"}, {})]

    assert _changed(tmp_path, change) == [
        'changed 0000.1 result.job.statistics.totalBytesProcessed: "1000" → "1500" (+50.0%)',
        'changed 0000.1 result.schema.fields.n.type: "INTEGER" → "NUMERIC"',
        "changed 0000.1 result.totalRows: 40 → 10 (-75.0%)",
        "changed 0000.1 result.rows: 40 → 10",
        "changed 0001.1 is eeeeeeeeeeeeeeee.1 now",
        "changed 0001.1 sql:  FROM `${project}.shop.orders_1`",
        "changed 0001.1 sql: +LIMIT 5",
        "removed 00c8.1",
        "added dddd.1",
    ]


def test_rows_that_differ_are_told(tmp_path: Path) -> None:
    def change(all_: list[Operation], writer: CassetteWriter) -> list[Operation]:
        import json

        rows = [{"f": [{"v": str(n)}, {"v": f"name {n}" if n != 3 else "other"}]} for n in range(20)]
        one = {**all_[0].result["rows"][0], "data": writer.blob(json.dumps(rows).encode(), "")}
        all_[0] = _first(all_[0], rows=[one, all_[0].result["rows"][1]])
        return all_

    assert _changed(tmp_path, change) == [
        "changed 0000.1 result.rows: 1 of 40 differ",
        'changed 0000.1 result.rows[3]: ["3", "name 3"] → ["3", "other"]',
    ]


def test_measures_need_samples() -> None:
    assert robust_verdict([1.0], [9.0]) == "unsure"
    assert robust_verdict([1.0, 1.1, 0.9, 1.0], [1.05, 1.0, 0.95]) == "same"
    assert robust_verdict([1.0, 1.1, 0.9, 1.0], [2.0, 2.1, 1.9]) == "slower"
    assert robust_verdict([2.0, 2.1, 1.9], [1.0, 1.1, 0.9, 50.0]) == "faster"
    # One that is far out does not decide.
    assert robust_verdict([1.0, 1.0, 1.0, 90.0], [1.0, 1.0, 1.0]) == "same"


def test_measures_are_told_and_make_no_difference(tmp_path: Path) -> None:
    a = write(tmp_path / "a.cassette")
    b = write(tmp_path / "b.cassette")
    path = b.measures_path
    path.write_text(path.read_text().replace("1.5", "9.5"))
    found = diff(a, Cassette.open(b.folder), measures=True)
    assert not found
    assert {(m.figure, m.before, m.after, m.verdict) for m in found.measures} == {
        ("end_s", 1.5, 9.5, "unsure")
    }
