"""Values of every type survive the way to the service and back: as parameters, as rows, as Arrow."""

from __future__ import annotations

from typing import Any

import pytest
from google.cloud.bigquery import SchemaField, _helpers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bqclient import BigQueryClient
from bqclient.models.schema import Field, Schema
from bqclient.values.arrow import arrow_schema, batch_of_dicts, dicts_of_batch
from bqclient.values.json_rows import row_to_json
from bqclient.values.parameters import Parameter, query_parameters
from bqclient.values.rows import arrow_of_json, rows_of_arrow, rows_of_json
from tests.client.running import run

from .strategies import same, scalar_fields, values

_SETTINGS = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
_INT64 = {"useInt64Timestamp": True}


def _whole() -> list[Field]:
    scalars = scalar_fields()
    arrays = [
        Field(f"{f.name}_a", f.type, "REPEATED", element=f.element) for f in scalars if f.type != "JSON"
    ]
    inner = (*scalars, *arrays)
    return [
        *scalars,
        *arrays,
        Field("s", "STRUCT", fields=inner),
        Field("sa", "STRUCT", "REPEATED", (Field("x", "INT64"), Field("y", "STRUCT", fields=inner))),
    ]


FIELDS = _whole()
SCHEMA = Schema(tuple(FIELDS))
ROWS = st.fixed_dictionaries({f.name: values(f) for f in FIELDS})


def _query(bqsim: Any, sql: str, parameters: Any = None, **options: Any) -> dict[str, Any]:
    mode, found = query_parameters(parameters)
    body = {
        "query": sql,
        "useLegacySql": False,
        "formatOptions": _INT64,
        **({"parameterMode": mode, "queryParameters": found} if mode else {}),
        **options,
    }

    async def call(client: BigQueryClient) -> Any:
        return (await client.core.rest.call("jobs.query", {"projectId": client.project}, body=body)).data

    answer: dict[str, Any] = run(bqsim, call)
    return answer


@_SETTINGS
@given(row=ROWS)
def test_parameters_of_every_type_come_back(bqsim: Any, row: dict[str, Any]) -> None:
    given_ = {f.name: Parameter(row[f.name], f) for f in FIELDS}
    names = ", ".join(f"@{f.name} AS {f.name}" for f in FIELDS)
    answer = _query(bqsim, f"SELECT {names}", given_)
    schema = Schema.from_api(answer["schema"])
    assert [(f.name, f.type, f.mode, f.element) for f in schema] == [
        (f.name, f.type, f.mode, f.element) for f in FIELDS
    ]
    found = rows_of_json(answer["rows"], schema)
    assert same(dict(found[0]), row)
    table = arrow_of_json(answer["rows"], schema)
    table.validate(full=False)
    assert table.schema.equals(arrow_schema(schema), check_metadata=True)
    assert same(dict(rows_of_arrow(table, schema)[0]), row)


@_SETTINGS
@given(row=ROWS)
def test_types_of_parameters_are_found(bqsim: Any, row: dict[str, Any]) -> None:
    typed = {k: v for k, v in row.items() if v is not None and k not in ("c_json", "s", "sa") and v != []}
    given_ = {k: v for k, v in typed.items() if "geography" not in k and "range" not in k}
    if given_:
        answer = _query(bqsim, f"SELECT {', '.join(f'@{k} AS {k}' for k in given_)}", given_)
        found = rows_of_json(answer["rows"], Schema.from_api(answer["schema"]))
        assert all(same(found[0][k], v) for k, v in given_.items())


@_SETTINGS
@given(rows=st.lists(ROWS, max_size=4))
def test_rows_in_arrow_and_back(rows: list[dict[str, Any]]) -> None:
    batch = batch_of_dicts(rows, SCHEMA)
    batch.validate(full=False)
    assert batch.schema.equals(arrow_schema(SCHEMA), check_metadata=True)
    assert same(dicts_of_batch(batch, SCHEMA), rows)


@pytest.fixture
def table(bqsim: Any) -> tuple[Any, dict[str, str]]:
    """A table with a column of every type."""
    name = {"projectId": bqsim.project, "datasetId": "values_d", "tableId": "t"}

    async def make(client: BigQueryClient) -> None:
        call = client.core.rest.call
        project = {"projectId": bqsim.project}
        reference = {k: name[k] for k in ("projectId", "datasetId")}
        await call("datasets.insert", project, body={"datasetReference": reference})
        await call(
            "tables.insert",
            reference,
            body={"tableReference": name, "schema": Schema(tuple(FIELDS)).to_api()},
        )

    run(bqsim, make)
    return bqsim, name


def test_rows_survive_insert_all(table: Any) -> None:
    sim, name = table

    @_SETTINGS
    @given(rows=st.lists(ROWS, min_size=1, max_size=4))
    def check(rows: list[dict[str, Any]]) -> None:
        bodies = [{"json": row_to_json(row, SCHEMA), "insertId": str(i)} for i, row in enumerate(rows)]
        ids = iter(range(1 << 30))

        async def insert(client: BigQueryClient) -> Any:
            call = client.core.rest.call
            await call(
                "jobs.query",
                {"projectId": client.project},
                body={"query": "CREATE OR REPLACE TABLE values_d.u LIKE values_d.t", "useLegacySql": False},
            )
            target = {**name, "tableId": "u"}
            reply = await call(
                "tabledata.insertAll", target, body={"rows": [{"json": b["json"]} for b in bodies]}
            )
            assert "insertErrors" not in reply.data, reply.data
            return (
                await call(
                    "jobs.query",
                    {"projectId": client.project},
                    body={
                        "query": f"SELECT * FROM values_d.u -- {next(ids)}",
                        "useLegacySql": False,
                        "formatOptions": _INT64,
                    },
                )
            ).data

        answer = run(sim, insert)
        found = [dict(r) for r in rows_of_json(answer["rows"], SCHEMA)]
        left = list(found)
        for row in rows:
            at = next((i for i, f in enumerate(left) if same(f, row)), None)
            assert at is not None, (row, found)
            del left[at]

    check()


# Types whose Python values are ours alone, or that Google's client does not read.
_OURS = {"INTERVAL", "RANGE"}


@_SETTINGS
@given(row=ROWS)
def test_answers_are_read_as_googles_client_reads_them(bqsim: Any, row: dict[str, Any]) -> None:
    fields = [f for f in scalar_fields() if f.type not in _OURS]
    arrays = [f for f in FIELDS if f.repeated and f.type not in (*_OURS, "STRUCT")]
    chosen = [*fields, *arrays]
    names = ", ".join(f"@{f.name} AS {f.name}" for f in chosen)
    answer = _query(bqsim, f"SELECT {names}", {f.name: Parameter(row[f.name], f) for f in chosen})
    schema = Schema.from_api(answer["schema"])
    google = [SchemaField.from_api_repr(f) for f in answer["schema"]["fields"]]
    theirs = _helpers._rows_from_json(answer["rows"], google)[0]
    ours = rows_of_json(answer["rows"], schema)[0]
    assert same(list(ours), list(theirs.values()))
