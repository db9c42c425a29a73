"""``--bqsim-field-usage`` in a run of its own, with Google's client."""

from collections.abc import Callable

import pytest

from bqsim.contract.api_schema import default
from bqsim.contract.consumer import Contract

pytest_plugins = ["pytester"]

Run = Callable[..., pytest.RunResult]

TESTS = """
import pytest
from google.api_core.exceptions import NotFound

def test_rows(bqsim_client):
    assert [row.a for row in bqsim_client.query("SELECT 1 AS a").result()] == [1]

def test_failure(bqsim_client):
    with pytest.raises(NotFound):
        bqsim_client.get_table("d.none")
"""


def test_what_tests_need_is_written(run: Run, pytester: pytest.Pytester) -> None:
    run(TESTS, "--bqsim-field-usage=needs/app.yaml").assert_outcomes(passed=2)
    contract = Contract.load(pytester.path / "needs" / "app.yaml")
    results = contract.methods["bigquery.jobs.getQueryResults"]
    assert {"jobComplete", "totalRows", "rows[].f[].v", "schema.fields[].name"} <= set(results.fields)
    assert results.fields["jobComplete"] == "boolean"
    assert "etag" not in results.fields
    assert "pageToken" in results.optional
    assert [test.partition("::")[2] for test in results.tests] == ["test_rows"]
    assert contract.methods["bigquery.tables.get"].errors == ["notFound"]
    assert contract.broken_by(default()) == []
