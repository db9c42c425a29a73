from __future__ import annotations

from bqsim.replay.near import Recorded, near_misses, short, title_of


def _recorded(name: str, **request: object) -> Recorded:
    return Recorded(name, request, request)


def test_the_nearest_comes_first_with_what_differs() -> None:
    asked = {"sql": "SELECT a, c FROM d.t", "query": {"useLegacySql": False}}
    found = near_misses(
        asked,
        asked,
        [
            _recorded("far", sql="DELETE FROM x.y WHERE z", query={"useLegacySql": True}),
            _recorded("near", sql="SELECT a, b FROM d.t", query={"useLegacySql": False}),
            _recorded("same", sql="SELECT a, c FROM d.t", query={"useLegacySql": True}),
        ],
    )
    names = [miss.name for miss in found]
    assert names[-1] == "far" or "far" not in names
    near = next(miss for miss in found if miss.name == "near")
    assert near.sql_diff == ("sql: SELECT a, [-b-] {+c+} FROM d.t",)
    same = next(miss for miss in found if miss.name == "same")
    assert [str(d) for d in same.differences] == ["query.useLegacySql: recorded True, asked False"]
    assert same.lines()[0].startswith("same (")


def test_what_is_only_there_once() -> None:
    (miss,) = near_misses({"table": "t", "a": 1}, {}, [_recorded("o", table="t", b=[])])
    assert [str(d) for d in miss.differences] == [
        "a: asked 1, not in the recording",
        "b: recorded [], not asked",
    ]


def test_statements_of_several_lines_and_at_most_three() -> None:
    asked = {"sql": "SELECT\n  a\nFROM t"}
    found = near_misses(asked, asked, [_recorded(str(n), sql=f"SELECT\n  b{n}\nFROM t") for n in range(9)])
    assert len(found) == 3
    assert "-  b0" in found[0].sql_diff and "+  a" in found[0].sql_diff


def test_titles() -> None:
    table = {"datasetId": "d", "tableId": "t"}
    assert title_of({"sql": "SELECT\n 1"}) == "SELECT 1"
    assert title_of({"method": "m", "resource": "r"}) == "m r"
    assert title_of({"configuration": {"load": {"destinationTable": table}}}) == "load d.t"
    assert len(short("x" * 1000)) == 160
