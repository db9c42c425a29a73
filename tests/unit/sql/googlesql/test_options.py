from __future__ import annotations

import pytest
from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service

from bqsim.sql.googlesql.builtins import OPAQUE, SQL_AGGREGATES, excluded_signatures
from bqsim.sql.googlesql.options import FEATURES, Mentions, language_options, serialised_options

from .catalogs import context
from .conftest import World


def test_features_are_known_and_unique() -> None:
    assert len(set(FEATURES)) == len(FEATURES)
    assert len(language_options().enabled_language_features) == len(FEATURES)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 1", Mentions()),
        ("SELECT @@time_zone", Mentions(system_variables=True)),
        ("CREATE TABLE x PARTITION BY _PartitionDate", Mentions(partition_columns=True)),
        ("SELECT a LIKE ANY ('a', 'b')", Mentions()),
        ("SELECT a like all UNNEST(['a'])", Mentions(like_many=True)),
        ("SELECT a LIKE SOME ( SELECT 'a')", Mentions(like_many=True)),
    ],
)
def test_mentions(sql: str, expected: Mentions) -> None:
    assert Mentions.of(sql) == expected


def test_serialised_options_merge_with_a_request() -> None:
    request = service.AnalyzeRequest(sql_statement="SELECT 1")
    request.options.allow_undeclared_parameters = True
    data = serialised_options("Asia/Tokyo", Mentions()) + request.SerializeToString()
    merged = service.AnalyzeRequest.FromString(data)
    assert merged.sql_statement == "SELECT 1"
    assert merged.options.default_timezone == "Asia/Tokyo"
    assert merged.options.allow_undeclared_parameters


def test_what_is_left_out_exists_in_googlesql_and_what_is_added_does_not(world: World) -> None:
    from zetasql.wasi._pb2.zetasql.proto import simple_catalog_pb2

    options = simple_catalog_pb2.SimpleCatalogProto().builtin_function_options
    options.language_options.CopyFrom(language_options())
    with world.googlesql.pool.instance() as instance:
        answer = instance.call("GetBuiltinFunctions", options.SerializeToString(), 10)
    functions = service.GetBuiltinFunctionsResponse.FromString(answer).function
    names = {".".join(f.name_path) for f in functions}
    assert not names & {*(name for name, *_ in SQL_AGGREGATES), *(row.name for row in OPAQUE)}
    ids = {s.context_id for f in functions for s in f.signature}
    assert len(ids & set(excluded_signatures())) > 50


@pytest.mark.parametrize(
    "sql", ["a LIKE ANY ('x', 'y')", "a LIKE ANY UNNEST(['x'])", "a LIKE ALL (SELECT 'x')"]
)
def test_like_over_many_patterns(world: World, sql: str) -> None:
    functions = world.googlesql.analyze(f"SELECT {sql} FROM (SELECT 'x' AS a)", context()).functions()
    assert ("ZetaSQL:$like_any" in functions) is ("UNNEST" not in sql and "SELECT" not in sql)
