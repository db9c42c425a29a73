import json
from pathlib import Path
from typing import Any

import pytest

from bqsim.contract.api_schema import ApiSchema, default, problems

JOB = "bigquery.jobs.get"


@pytest.mark.parametrize(
    ("method", "body", "found"),
    [
        (JOB, {"kind": 1}, ["kind: a string is expected, not 1"]),
        (JOB, {"colour": "red"}, ["colour: the schema has no such field"]),
        (JOB, {"status": []}, ["status: an object is expected, not []"]),
        (JOB, {"status": None}, ["status: an object is expected, not null"]),
        (JOB, {"status": {"errors": {}}}, ["status.errors: a list is expected, not {}"]),
        (
            JOB,
            {"statistics": {"creationTime": 17}},
            ["statistics.creationTime: a string (int64) is expected, not 17"],
        ),
        (
            JOB,
            {"statistics": {"creationTime": "1.5"}},
            ['statistics.creationTime: an integer as a string (int64) is expected, not "1.5"'],
        ),
        (
            JOB,
            {"statistics": {"query": {"queryPlan": [{"id": "1"}, {"id": "2", "slots": 1}]}}},
            ["statistics.query.queryPlan[1].slots: the schema has no such field"],
        ),
        (
            JOB,
            {"statistics": {"completionRatio": "0.5"}},
            ['statistics.completionRatio: a number is expected, not "0.5"'],
        ),
        (
            JOB,
            {"configuration": {"labels": {"a": 1}}},
            ["configuration.labels.a: a string is expected, not 1"],
        ),
        (
            JOB,
            {"configuration": {"dryRun": "true"}},
            ['configuration.dryRun: a boolean is expected, not "true"'],
        ),
        (
            "bigquery.tables.get",
            {"numRows": "-1"},
            ['numRows: an integer as a string (uint64) is expected, not "-1"'],
        ),
        (
            "bigquery.tables.list",
            {"totalItems": "3"},
            ['totalItems: an integer (int32) is expected, not "3"'],
        ),
        (
            "bigquery.tables.list",
            {"totalItems": True},
            ["totalItems: an integer (int32) is expected, not true"],
        ),
        (
            "bigquery.tables.delete",
            {"kind": "x"},
            ["the body: bigquery.tables.delete has no body in its answers"],
        ),
        ("bigquery.no.such", {}, ["the body: the API has no method bigquery.no.such"]),
        (JOB, {"statistics": {"completionRatio": 0.5, "creationTime": "17"}}, []),
        (JOB, None, []),
        ("bigquery.tables.delete", None, []),
        ("bigquery.tables.delete", {}, []),
        ("bigquery.tabledata.list", {"rows": [{"f": [{"v": None}, {"v": [{"v": "1"}]}]}]}, []),
        (
            "bigquery.tabledata.list",
            {"rows": [{"f": [{"w": 1}]}]},
            ["rows[0].f[0].w: the schema has no such field"],
        ),
    ],
)
def test_what_the_schema_does_not_have(method: str, body: Any, found: list[str]) -> None:
    assert [str(problem) for problem in problems(method, body)] == found


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (
            {
                "error": {
                    "code": 404,
                    "message": "m",
                    "errors": [{"reason": "notFound"}],
                    "status": "NOT_FOUND",
                }
            },
            [],
        ),
        ({"error": {"code": "404", "message": "m"}}, ["error.code"]),
        ({"error": {"code": 404}}, ["error"]),
        ({"errors": []}, ["", "errors"]),
        ({"error": {"code": 404, "message": "m", "errors": [{"why": "x"}]}}, ["error.errors[0].why"]),
    ],
)
def test_the_envelope_of_failures(body: Any, found: list[str]) -> None:
    assert [problem.path for problem in problems(JOB, body, 404)] == found


def test_formats_and_enums_of_other_documents() -> None:
    fields = {
        "data": {"type": "string", "format": "byte"},
        "at": {"type": "string", "format": "google-datetime"},
        "span": {"type": "string", "format": "google-duration"},
        "state": {"type": "string", "enum": ["A", "B"]},
        "score": {"type": "number", "format": "double"},
    }
    schema = ApiSchema({"schemas": {"X": {"type": "object", "properties": fields}}})
    good = {"data": "aGk=", "at": "2026-01-02T03:04:05.6Z", "span": "3.5s", "state": "A", "score": "NaN"}
    assert list(schema.object_problems("X", good)) == []
    bad = {"data": "a b", "at": "2026-01-02", "span": "3.5", "state": "C", "score": "high"}
    assert [p.path for p in schema.object_problems("X", bad)] == list(bad)


def test_a_document_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "discovery.json"
    path.write_text(json.dumps(default().document))
    assert ApiSchema.load(path).methods.keys() == default().methods.keys()
    path.write_text("[]")
    with pytest.raises(ValueError, match="no discovery document"):
        ApiSchema.load(path)
    path.write_text("{")
    with pytest.raises(ValueError, match="not JSON"):
        ApiSchema.load(path)
