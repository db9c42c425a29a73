from collections.abc import Iterator
from pathlib import Path

import pytest

from bqsim.contract.check import check
from bqsim.contract.errors import ContractError
from bqsim.contract.suites import Suite
from bqsim.contract.targets import Target
from bqsim.simulator import Simulator, start

SUITE = """
suite: orders
names: {orders: orders_ci}
steps:
  - name: the dataset is made
    call: bigquery.datasets.insert
    resource: projects/${project}/datasets
    body: {datasetReference: {datasetId: "${name:orders}"}}
    expect: {status: 200}
  - name: the table is made
    call: bigquery.tables.insert
    resource: projects/${project}/datasets/${name:orders}/tables
    body:
      tableReference: {tableId: t}
      schema: {fields: [{name: n, type: INTEGER}, {name: s, type: STRING}]}
    expect: {status: 200, body: {type: TABLE}}
  - name: rows are loaded
    load:
      destinationTable: {projectId: "${project}", datasetId: "${name:orders}", tableId: t}
      sourceFormat: NEWLINE_DELIMITED_JSON
    data: |
      {"n": 3, "s": "c"}
      {"n": 4}
    expect: {job: {statistics: {load: {outputRows: "2"}}}}
  - name: the sum
    query: SELECT SUM(n) AS s, COUNT(*) AS c FROM ${name:orders}.t WHERE n > ?
    parameters: [{parameterType: {type: INT64}, parameterValue: {value: "3"}}]
    expect:
      schema: [{name: s, type: INTEGER}, {name: c, type: INTEGER}]
      rows: [{s: 4, c: 1}]
      job: {statistics: {query: {statementType: SELECT}}}
  - name: no such table
    query: SELECT * FROM ${name:orders}.none
    expect: {error: {status: 404, reason: notFound}}
  - name: a read
    read: projects/${project}/datasets/${name:orders}/tables/t
    fields: [n]
    expect:
      schema: [{name: n, type: INTEGER}]
      rows: [[4], [3]]
  - name: a read of some
    read: projects/${project}/datasets/${name:orders}/tables/t
    restriction: n > 3
    expect:
      schema: [{name: n, type: INTEGER}, {name: s, type: STRING}]
      rows: [[4, null]]
  - name: rows come in
    insert: projects/${project}/datasets/${name:orders}/tables/t
    rows: [{n: 1, s: a}, {n: 2}]
  - name: the table is copied
    copy:
      sourceTable: {projectId: "${project}", datasetId: "${name:orders}", tableId: t}
      destinationTable: {projectId: "${project}", datasetId: "${name:orders}", tableId: u}
    expect: {job: {status: {state: DONE}}}
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Simulator]:
    with start(seed=3) as simulator:
        yield simulator


def suite(tmp_path: Path, text: str = SUITE) -> Path:
    path = tmp_path / "suite.yaml"
    path.write_text(text)
    return path


def test_a_suite_passes(server: Simulator, tmp_path: Path) -> None:
    result = check(suite(tmp_path), [Target("b", server.url, server.grpc_target, project="one")])
    assert result.ok, result.text()
    assert [o.title for o in result.outcomes][:2] == ["the dataset is made", "the table is made"]
    assert result.count("equal") == 9


def test_what_is_not_as_expected_is_told_by_step(server: Simulator, tmp_path: Path) -> None:
    wrong = (
        SUITE.replace("{s: 4, c: 1}", "{s: 5, c: 1}")
        .replace("reason: notFound", "reason: accessDenied")
        .replace('outputRows: "2"', 'outputRows: "3"')
        .replace("[[4], [3]]", "[[4], [9]]")
    )
    result = check(suite(tmp_path, wrong), [Target("b", server.url, server.grpc_target, project="two")])
    told = {o.title: [(d.path, d.kind) for d in o.failing] for o in result.outcomes if o.failing}
    assert told == {
        "rows are loaded": [("job.statistics.load.outputRows", "value")],
        "the sum": [("rows[*].s", "value")],
        "no such table": [("error.reason", "value")],
        "a read": [("rows[*].n", "value")],
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("steps: 3", "no list of steps"),
        ("steps: [3]", "step 1: a mapping"),
        ("steps: [{name: a}]", "step 1: one of query, call"),
        ("steps: [{query: SELECT 1, call: x}]", "not query and call"),
        ("steps: [{query: SELECT 1, colour: red}]", "there is no colour in steps"),
        ("steps: [{call: bigquery.jobs.get}]", "resource is missing"),
        ("steps: [{insert: t}]", "rows are missing"),
        ("steps: [{query: SELECT 1, expect: {colour: red}}]", "nothing is expected as colour"),
        ("steps: [{query: SELECT 1, expect: {rows: [[1]]}}]", "need a schema"),
        ("steps: []\nother: 1", "there is no other in suites"),
        ("steps: [", "not YAML"),
    ],
)
def test_a_suite_that_is_wrong_is_named(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=message):
        Suite.load(suite(tmp_path, text))
