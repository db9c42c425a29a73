from __future__ import annotations

from typing import Any

from .conftest import Play, Stack

JSON: dict[str, Any] = {"sourceFormat": "NEWLINE_DELIMITED_JSON", "autodetect": True}
ADD: dict[str, Any] = {"schemaUpdateOptions": ["ALLOW_FIELD_ADDITION"]}


def test_nested_additions_keep_the_past(play: Play) -> None:
    async def body(s: Stack) -> None:
        await s.ok("CREATE TABLE d.t AS SELECT STRUCT(1 AS a) AS r")
        version = s.table("t").version
        (await s.load(b'{"r":{"a":2,"b":["x"]},"tags":["t"]}\n', **JSON, **ADD)).raise_for_error()
        assert await s.rows("SELECT r.a, r.b, tags FROM d.t ORDER BY 1") == [(1, [], []), (2, ["x"], ["t"])]
        sql = f"SELECT r.a FROM d.t FOR SYSTEM_TIME AS OF TIMESTAMP_MICROS({version})"
        assert await s.rows(sql) == [(1,)]

    play(body)


def test_fields_of_another_order_go_by_name(play: Play) -> None:
    async def body(s: Stack) -> None:
        await s.ok("CREATE TABLE d.t (r STRUCT<a INT64, b STRING>)")
        schema = {"fields": [{"name": "r", "type": "RECORD", "fields": [{"name": "B", "type": "STRING"}]}]}
        job = await s.load(b'{"r":{"b":"x"}}\n', sourceFormat="NEWLINE_DELIMITED_JSON", schema=schema)
        job.raise_for_error()
        assert await s.rows("SELECT r.a, r.b FROM d.t") == [(None, "x")]

    play(body)
