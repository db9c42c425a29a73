import copy
from collections.abc import Callable
from typing import Any

import pytest

from bqsim.contract.api_schema import ApiSchema, default
from bqsim.contract.consumer import Contract, Needs
from bqsim.contract.drift import changes, touched

SHOP = Contract(
    "shop",
    {
        "bigquery.jobs.getQueryResults": Needs(
            {"jobComplete": "boolean", "schema.fields[].name": "string"}, tests=["test_a"]
        ),
        "bigquery.tables.get": Needs({"numRows": "string (uint64)"}, tests=["test_b"]),
    },
)


def edited(edit: Callable[[dict[str, Any]], Any]) -> ApiSchema:
    document = copy.deepcopy(dict(default().document))
    edit(document)
    return ApiSchema(document)


def properties(document: dict[str, Any], schema: str) -> dict[str, Any]:
    found: dict[str, Any] = document["schemas"][schema]["properties"]
    return found


def methods(document: dict[str, Any], resource: str) -> dict[str, Any]:
    found: dict[str, Any] = document["resources"][resource]["methods"]
    return found


@pytest.mark.parametrize(
    ("edit", "told", "needs"),
    [
        (lambda d: None, [], []),
        (
            lambda d: properties(d, "Table").pop("numRows"),
            ["removed Table.numRows: string (uint64)"],
            ["bigquery.tables.get numRows"],
        ),
        (
            lambda d: properties(d, "TableFieldSchema").update(name={"type": "integer"}),
            ["changed TableFieldSchema.name: string became integer"],
            ["bigquery.jobs.getQueryResults schema.fields[].name"],
        ),
        (lambda d: properties(d, "Table").pop("friendlyName"), ["removed Table.friendlyName: string"], []),
        (
            lambda d: properties(d, "Table").update(colour={"type": "string"}),
            ["added Table.colour: string"],
            [],
        ),
        (
            lambda d: properties(d, "Table")["numRows"].update(deprecated=True),
            ["deprecated Table.numRows"],
            ["bigquery.tables.get numRows"],
        ),
        (
            lambda d: methods(d, "tables").pop("get"),
            ["removed bigquery.tables.get"],
            ["bigquery.tables.get"],
        ),
        (
            lambda d: methods(d, "tables")["get"]["parameters"].update(
                view2={"type": "string", "required": True}
            ),
            ["changed bigquery.tables.get?view2: absent became string"],
            ["bigquery.tables.get"],
        ),
        (
            lambda d: methods(d, "tables")["get"].update(httpMethod="POST"),
            ["changed bigquery.tables.get: httpMethod GET became POST"],
            ["bigquery.tables.get"],
        ),
    ],
)
def test_changes_and_whom_they_touch(
    edit: Callable[[dict[str, Any]], Any], told: list[str], needs: list[str]
) -> None:
    found = changes(default(), edited(edit))
    assert [str(change) for change in found] == told
    affected = touched(found, [SHOP], default())
    assert [one.need for one in affected] == needs
    assert all(one.tests in (("test_a",), ("test_b",)) for one in affected)


def test_values_that_went_and_came() -> None:
    before = edited(lambda d: properties(d, "Table")["type"].update(enum=["A", "B"]))
    after = edited(lambda d: properties(d, "Table")["type"].update(enum=["B", "C"]))
    assert [str(change) for change in changes(before, after)] == [
        "changed Table.type: values A, B became B, C"
    ]
    more = edited(lambda d: properties(d, "Table")["type"].update(enum=["A", "B", "C"]))
    assert [str(change) for change in changes(before, more)] == ["added Table.type: values C"]
