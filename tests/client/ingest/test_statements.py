"""DML statements: rows as parameters, batches, statements that give way to others."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest

from bqclient import BigQueryClient, Schema
from bqclient.errors import BigQueryError
from bqclient.ingest.statements import batches, checked_key, execute, plain, spelled
from bqclient.models.schema import Field
from tests.client.running import HeldTime, run

SCHEMA = Schema.of(
    [
        {
            "name": "Key",
            "type": "TIMESTAMP",
            "mode": "REQUIRED",
            "defaultValueExpression": "CURRENT_TIMESTAMP()",
        },
        {
            "name": "st",
            "type": "STRUCT",
            "mode": "REPEATED",
            "fields": [{"name": "Inner", "type": "NUMERIC"}],
        },
    ]
)
GAVE_WAY = {
    "error": {
        "reason": "invalidQuery",
        "message": "Could not serialize access to table p:d.t due to concurrent update",
    }
}


def test_rows_are_cut_by_number_and_size() -> None:
    fields = (Field("s", "STRING"),)
    assert [len(b) for b in batches(({"s": "x"} for _ in range(1_200)), fields)] == [500, 500, 200]
    assert [len(b) for b in batches([{"s": "x" * 1_000_000}] * 5, fields)] == [1] * 5
    assert [len(b) for b in batches([{"s": ["x" * 100_000] * 3}] * 12, fields)] == [6, 6]
    assert list(batches([], fields)) == []


def test_names_are_those_of_the_table() -> None:
    row = {"KEY": 1, "ST": [{"inner": 2}, None], "other": {"X": 1}}
    assert spelled(row, SCHEMA) == {"Key": 1, "st": [{"Inner": 2}, None], "other": {"X": 1}}


def test_equal_keys_are_equal() -> None:
    noon = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)
    keys = (Field("t", "TIMESTAMP"), Field("n", "NUMERIC"))
    zone = datetime.timezone(datetime.timedelta(hours=2))
    first = checked_key({"t": noon, "n": Decimal("1.50")}, keys)
    assert first == checked_key({"t": noon.astimezone(zone), "n": "1.5"}, keys)
    assert checked_key({"t": None}, keys) == (None, None)


def test_fields_of_sources_may_be_null() -> None:
    (key, struct) = map(plain, SCHEMA)
    assert (key.mode, key.default, struct.mode) == ("NULLABLE", None, "REPEATED")
    assert plain(key, "other").name == "other"


@pytest.mark.parametrize(("times", "fails"), [(2, False), (9, True)])
def test_a_statement_that_gave_way_is_begun_again(bqsim: Any, times: int, fails: bool) -> None:
    time = HeldTime()

    async def work(client: BigQueryClient) -> None:
        await client.datasets.create("d")
        await client.tables.create("d.t", [{"name": "n", "type": "INT64"}])
        bqsim.faults.add(GAVE_WAY, method="bigquery.jobs.insert", times=times)
        sql = "INSERT INTO d.t (n) VALUES (@n)"
        if fails:
            with pytest.raises(BigQueryError, match="concurrent update"):
                await execute(client, sql, {"n": 1})
        else:
            assert (await execute(client, sql, {"n": 1})).affected_rows == 1
        assert len(time.waits) == (3 if fails else 2)

    run(bqsim, work, runtime=time)
