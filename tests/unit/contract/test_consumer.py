import copy
from pathlib import Path
from typing import Any

import pytest

from bqsim.contract.api_schema import ApiSchema, default
from bqsim.contract.consumer import Contract, Needs, type_at
from bqsim.contract.errors import ContractError
from bqsim.contract.usage import Usage

RESULTS = "bigquery.jobs.getQueryResults"


def contract() -> Contract:
    usage = Usage()
    usage.test = "test_a"
    for path in ("jobComplete", "rows[].f[].v", "schema.fields[].fields[].name", "colour"):
        usage.read(RESULTS, path)
    usage.read(RESULTS, "pageToken", there=False)
    usage.failed("bigquery.tables.get", "notFound")
    return Contract.of(usage, "shop")


def changed(schema: str, name: str, shape: Any) -> ApiSchema:
    document = copy.deepcopy(dict(default().document))
    properties = document["schemas"][schema]["properties"]
    if shape is None:
        del properties[name]
    else:
        properties[name] = shape
    return ApiSchema(document)


def test_a_contract_has_types_and_survives_its_file(tmp_path: Path) -> None:
    made = contract()
    assert made.methods[RESULTS] == Needs(
        {"jobComplete": "boolean", "rows[].f[].v": "any", "schema.fields[].fields[].name": "string"},
        {"pageToken": "string"},
        [],
        ["test_a"],
    )
    assert made.methods["bigquery.tables.get"].errors == ["notFound"]
    path = tmp_path / "shop.yaml"
    path.write_text(made.text())
    assert Contract.load(path) == made


@pytest.mark.parametrize(
    ("schema", "found"),
    [
        (default(), []),
        (changed("GetQueryResultsResponse", "jobComplete", None), [f"{RESULTS}: jobComplete is gone"]),
        (
            changed("GetQueryResultsResponse", "jobComplete", {"type": "string"}),
            [f"{RESULTS}: jobComplete is string, not boolean"],
        ),
        (changed("TableFieldSchema", "name", None), [f"{RESULTS}: schema.fields[].fields[].name is gone"]),
        (changed("TableFieldSchema", "mode", None), []),
        (changed("GetQueryResultsResponse", "pageToken", None), [f"{RESULTS}: pageToken is gone"]),
    ],
)
def test_a_schema_keeps_or_breaks_a_contract(schema: ApiSchema, found: list[str]) -> None:
    assert contract().broken_by(schema) == found


def test_answers_keep_or_break_a_contract() -> None:
    field = {"name": "a", "fields": [{"name": "b"}]}
    body = {"jobComplete": "${measure}", "rows": [{"f": [{"v": "1"}]}], "schema": {"fields": [field]}}
    reasons = {"bigquery.tables.get": {"notFound"}}
    assert contract().broken_by_answers({RESULTS: [body]}, reasons) == []
    del body["rows"]
    assert contract().broken_by_answers({RESULTS: [body]}, {}) == [
        f"{RESULTS}: no answer has rows[].f[].v",
        "bigquery.tables.get: nothing failed for notFound",
    ]
    assert contract().broken_by_answers({}, reasons) == [f"{RESULTS}: there is no answer of it"]


def test_a_method_that_is_gone_breaks_a_contract() -> None:
    made = Contract("x", {"bigquery.jobs.forget": Needs({"a": "any"})})
    assert made.broken_by(default()) == ["bigquery.jobs.forget: the API has no such method"]


def test_types_of_fields() -> None:
    assert type_at(default(), "bigquery.tables.get", "numRows") == "string (uint64)"
    assert type_at(default(), "bigquery.tables.get", "labels.team") == "string"
    assert type_at(default(), "bigquery.tables.get", "schema.fields[].nothing") is None
    assert type_at(default(), "bigquery.tables.delete", "kind") is None


def test_files_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text("methods: [")
    with pytest.raises(ContractError, match="not YAML"):
        Contract.load(path)
    path.write_text("a: 1")
    with pytest.raises(ContractError, match="no methods"):
        Contract.load(path)
    with pytest.raises(ContractError, match="No such file"):
        Contract.load(tmp_path / "none.yaml")


def test_what_two_runs_need_is_one_contract() -> None:
    one = Contract("shop", {"a": Needs({"x": "string"}, {"y": "string"}, ["notFound"], ["t1"])}, "1")
    other = Contract("shop", {"a": Needs({"y": "string"}, {"z": "any"}, [], ["t2"]), "b": Needs()})
    both = one.joined(other)
    assert both.methods["a"] == Needs(
        {"x": "string", "y": "string"}, {"z": "any"}, ["notFound"], ["t1", "t2"]
    )
    assert (list(both.methods), both.revision) == (["a", "b"], "1")
    assert Contract.read(both.text(), "here") == both
