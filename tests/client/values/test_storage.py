"""Values of every type through the Storage API, loads of JSON, and back as Arrow."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bqclient import BigQueryClient
from bqclient.models.schema import Field, Schema
from bqclient.values.arrow import arrow_schema, batch_of_dicts, dicts_of_batch
from tests.client.running import run

from .strategies import same, scalar_fields, values

_SETTINGS = settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def _schema() -> Schema:
    scalars = scalar_fields()
    arrays = [
        Field(f"{f.name}_a", f.type, "REPEATED", element=f.element) for f in scalars if f.type != "JSON"
    ]
    key = Field("n", "INT64", "REQUIRED")
    inner = (*scalars, *arrays)
    return Schema((key, *inner, Field("sa", "STRUCT", "REPEATED", inner)))


SCHEMA = _schema()
# A lone text in a JSON column of a file may be taken for JSON text or for itself.
ROWS = st.lists(
    st.fixed_dictionaries({f.name: values(f) for f in SCHEMA if f.name != "n"}),
    min_size=1,
    max_size=3,
)


def _numbered(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"n": i, **row} for i, row in enumerate(rows)]


async def _append(client: BigQueryClient, rows: list[dict[str, Any]]) -> None:
    await client.storage_write.append("values_s.t", rows)


async def _append_arrow(client: BigQueryClient, rows: list[dict[str, Any]]) -> None:
    await client.storage_write.append("values_s.t", batch_of_dicts(rows, SCHEMA))


async def _load(client: BigQueryClient, rows: list[dict[str, Any]]) -> None:
    await client.loading.from_rows(rows, "values_s.t", schema=SCHEMA)


@pytest.mark.parametrize("write", [_append, _append_arrow, _load])
def test_rows_survive(bqsim: Any, write: Any) -> None:
    async def make(client: BigQueryClient) -> None:
        await client.datasets.create("values_s")

    run(bqsim, make)

    @_SETTINGS
    @given(rows=ROWS)
    def check(rows: list[dict[str, Any]]) -> None:
        given_ = _numbered(rows)

        async def work(client: BigQueryClient) -> pa.Table:
            await client.tables.delete("values_s.t", missing_ok=True)
            await client.tables.create("values_s.t", SCHEMA)
            await write(client, given_)
            return await client.storage_read.read_all("values_s.t").to_arrow()

        table = run(bqsim, work)
        assert table.schema.equals(arrow_schema(SCHEMA), check_metadata=True)
        found = sorted(dicts_of_batch(table, SCHEMA), key=lambda row: row["n"])
        assert same(found, given_)

    check()
