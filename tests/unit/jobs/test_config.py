from __future__ import annotations

from typing import Any

import pytest

from bqsim.catalog.refs import DatasetRef, TableRef
from bqsim.catalog.resources import RangePartitioning, TimePartitioning
from bqsim.errors import BigQueryError
from bqsim.jobs.config import QueryConfig, check_labels, parse_query
from bqsim.sql.plan import TypedValue
from bqsim.types import INT64, STRING

pytestmark = pytest.mark.fidelity("fields:Job: configuration", "exact")

TABLE = {"datasetId": "d", "tableId": "t"}


def parse(query: dict[str, Any], **job: Any) -> QueryConfig:
    return parse_query({**job, "query": {"query": "SELECT 1", "useLegacySql": False, **query}}, "p")


def refusal(query: dict[str, Any], **job: Any) -> BigQueryError:
    with pytest.raises(BigQueryError) as caught:
        parse(query, **job)
    return caught.value


def test_defaults() -> None:
    config = parse({})
    assert config.use_cache
    assert not config.dry_run
    assert config.target is None
    assert config.default_dataset is None


def test_legacy_sql_is_the_default() -> None:
    assert parse_query({"query": {"query": "SELECT 1"}}, "p").legacy
    assert not parse({}).legacy


@pytest.mark.parametrize("prefix", ["#standardSQL\n", "  #StandardSQL\n"])
def test_a_dialect_prefix_wins_over_the_option(prefix: str) -> None:
    config = parse_query({"query": {"query": f"{prefix}SELECT 1", "useLegacySql": True}}, "p")
    assert (config.sql, config.legacy) == (f"{prefix}SELECT 1", False)
    assert parse({"query": "#legacySQL\nSELECT 1"}).legacy


@pytest.mark.parametrize("text", [None, "", "  "])
def test_a_query_must_have_text(text: object) -> None:
    error = refusal({"query": text})
    assert (error.reason.name, error.message) == ("required", "Required parameter is missing: query")


def test_named_parameters_have_lower_case_keys() -> None:
    given = [
        {"name": "Aa", "parameterType": {"type": "INT64"}, "parameterValue": {"value": "5"}},
        {"name": "b", "parameterType": {"type": "STRING"}, "parameterValue": {"value": None}},
    ]
    config = parse({"queryParameters": given})
    assert config.named == {"aa": TypedValue(INT64, 5), "b": TypedValue(STRING, None)}
    assert config.positional == ()


def test_positional_parameters_keep_their_order() -> None:
    given = [
        {"parameterType": {"type": "INT64"}, "parameterValue": {"value": "5"}},
        {"parameterType": {"type": "STRING"}, "parameterValue": {"value": "x"}},
    ]
    config = parse({"queryParameters": given, "parameterMode": "POSITIONAL"})
    assert config.positional == (TypedValue(INT64, 5), TypedValue(STRING, "x"))
    assert config.named == {}


def test_equal_parameters_have_equal_texts() -> None:
    one = [{"parameterType": {"type": "INT64"}, "parameterValue": {"value": "5"}}]
    same = [{"parameterValue": {"value": "5"}, "parameterType": {"type": "INT64"}}]
    other = [{"parameterType": {"type": "INT64"}, "parameterValue": {"value": "6"}}]
    texts = [parse({"queryParameters": p}).parameters_text for p in (one, same, other)]
    assert texts[0] == texts[1] != texts[2]


def test_parameters_of_both_modes_are_refused() -> None:
    value = {"parameterType": {"type": "INT64"}, "parameterValue": {"value": "5"}}
    assert "must have a name" in refusal({"queryParameters": [{"name": "a", **value}, value]}).message
    error = refusal({"queryParameters": [{"name": "a", **value}], "parameterMode": "POSITIONAL"})
    assert "must not have a name" in error.message
    error = refusal({"queryParameters": [{"name": "a", **value}, {"name": "A", **value}]})
    assert error.message == "Duplicate parameter name: A"


def test_target() -> None:
    config = parse(
        {
            "destinationTable": {"datasetId": "d", "tableId": "t$20260101"},
            "writeDisposition": "WRITE_TRUNCATE",
            "schemaUpdateOptions": ["ALLOW_FIELD_ADDITION"],
            "timePartitioning": {"type": "MONTH", "field": "day", "expirationMs": "1000"},
            "clustering": {"fields": ["a", "b"]},
        }
    )
    target = config.target
    assert target is not None
    assert target.table == TableRef("p", "d", "t")
    assert target.partition == "20260101"
    assert target.time_partitioning == TimePartitioning("MONTH", "day", 1000)
    assert target.clustering == ("a", "b")


def test_range_partitioning() -> None:
    config = parse(
        {
            "destinationTable": {"projectId": "q", "datasetId": "d", "tableId": "t"},
            "rangePartitioning": {"field": "n", "range": {"start": "0", "end": "100", "interval": "10"}},
        }
    )
    assert config.target is not None
    assert config.target.table == TableRef("q", "d", "t")
    assert config.target.range_partitioning == RangePartitioning("n", 0, 100, 10)


def test_queries_write_empty_unless_told() -> None:
    config = parse({"destinationTable": {"datasetId": "d", "tableId": "t"}})
    assert config.target is not None
    assert (config.target.write, config.target.create) == ("WRITE_EMPTY", "CREATE_IF_NEEDED")


def test_schema_updates_need_append() -> None:
    error = refusal(
        {
            "destinationTable": {"datasetId": "d", "tableId": "t"},
            "writeDisposition": "WRITE_TRUNCATE",
            "schemaUpdateOptions": ["ALLOW_FIELD_ADDITION"],
        }
    )
    assert error.message == (
        "Schema update options should only be specified with WRITE_APPEND disposition, or with "
        "WRITE_TRUNCATE disposition on a table partition."
    )


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({"priority": "URGENT"}, "priority"),
        (
            {"destinationTable": {"datasetId": "d", "tableId": "t"}, "writeDisposition": "X"},
            "writeDisposition",
        ),
        (
            {"destinationTable": {"datasetId": "d", "tableId": "t"}, "createDisposition": "X"},
            "createDisposition",
        ),
        ({"parameterMode": "X"}, "parameterMode"),
        ({"maximumBytesBilled": "many"}, "maximumBytesBilled"),
        ({"useQueryCache": "perhaps"}, "useQueryCache"),
    ],
)
def test_unknown_values_are_invalid(query: dict[str, Any], name: str) -> None:
    error = refusal(query)
    assert (error.http, error.reason.name, error.location) == (400, "invalid", name)


def test_external_table_definitions() -> None:
    definition = {"sourceFormat": "CSV", "sourceUris": ["gs://bucket/x.csv"]}
    config = parse({"tableDefinitions": {"t": definition}})
    assert config.definitions == {"t": definition}
    assert not config.use_cache
    assert refusal({"tableDefinitions": 1}).reason.name == "invalid"


def test_connection_properties() -> None:
    config = parse(
        {"connectionProperties": [{"key": "time_zone", "value": "Asia/Tokyo"}, {"key": "x", "value": "1"}]}
    )
    assert config.properties == {"time_zone": "Asia/Tokyo", "x": "1"}
    error = refusal({"connectionProperties": [{"key": "x", "value": "1"}, {"key": "x", "value": "2"}]})
    assert error.message == "Duplicate connection property: x"


def test_default_dataset() -> None:
    assert parse({"defaultDataset": {"datasetId": "d"}}).default_dataset == DatasetRef("p", "d")
    assert refusal({"defaultDataset": {"projectId": "q"}}).reason.name == "required"


@pytest.mark.parametrize(
    "labels", [{"team": "x"}, {"city": "東京", "language": "français"}, {"a_b-c": ""}, {}]
)
def test_labels(labels: dict[str, str]) -> None:
    check_labels(labels)


@pytest.mark.parametrize(
    "labels", [{"Team": "x"}, {"1a": "x"}, {"a": "X"}, {"a" * 64: "x"}, {"a b": "x"}, {"": "x"}]
)
def test_bad_labels(labels: dict[str, str]) -> None:
    with pytest.raises(BigQueryError):
        check_labels(labels)


def test_at_most_64_labels() -> None:
    with pytest.raises(BigQueryError, match="at most 64 labels"):
        check_labels({f"k{n}": "v" for n in range(65)})
