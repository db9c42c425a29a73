"""The golden cases of fixtures/sql: setup, query, and the exact schema, rows or error."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import bqsim

pytestmark = pytest.mark.fidelity("sql:values of all types, sql:pipe syntax, sql:analysis", "exact")

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "sql"
PROJECT = "golden-project"
CASES = [(f.stem, case) for f in sorted(FIXTURES.glob("*.json")) for case in json.loads(f.read_text())]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with bqsim.start() as sim:
        yield sim.url


def call(url: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(f"{url}/bigquery/v2/projects/{PROJECT}/{path}", data, method=method)
    request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def run(url: str, sql: str) -> tuple[int, Any]:
    body = {
        "query": sql,
        "useLegacySql": False,
        "formatOptions": {"useInt64Timestamp": True},
        "timeoutMs": 60_000,
    }
    return call(url, "POST", "queries", body)


def plain(cell: Any) -> Any:
    """An f/v cell as nested lists."""
    if isinstance(cell, dict) and "f" in cell:
        return [plain(c["v"]) for c in cell["f"]]
    if isinstance(cell, list):
        return [plain(c["v"]) for c in cell]
    return cell


@pytest.mark.parametrize(
    ("family", "case"), CASES, ids=[f"{family}-{case['name']}" for family, case in CASES]
)
def test_golden(url: str, family: str, case: dict[str, Any]) -> None:
    dataset = f"{family}_{case['name']}"

    def filled(text: str) -> str:
        return text.replace("${DATASET}", dataset).replace("${PROJECT}", PROJECT)

    if case.get("setup"):
        call(url, "POST", "datasets", {"datasetReference": {"projectId": PROJECT, "datasetId": dataset}})
    for statement in case.get("setup", []):
        status, answer = run(url, filled(statement))
        assert status == 200, answer
    status, answer = run(url, filled(case["query"]))
    if "error" in case:
        expected = case["error"]
        assert status == expected["code"], answer
        found = answer["error"]["errors"][0]
        assert found["reason"] == expected["reason"]
        if expected["message"] is not None:
            message = found["message"]
            assert message == filled(expected["message"])
        return
    assert status == 200, answer
    fields = answer["schema"]["fields"]
    for key, name in (("columns", "name"), ("types", "type"), ("modes", "mode")):
        if key in case:
            assert [f.get(name, "NULLABLE") for f in fields] == case[key]
    assert [plain(row) for row in answer["rows"]] == case["rows"]
