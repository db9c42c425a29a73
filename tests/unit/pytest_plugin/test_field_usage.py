"""``--bqsim-field-usage`` in a run of its own, with Google's client."""

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bqsim.contract.api_schema import default
from bqsim.contract.consumer import Contract
from bqsim.pytest_plugin.field_usage import FieldUsage

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


def finished(output: dict[str, str] | None, path: Path, down: Sequence[dict[str, str]] = ()) -> None:
    """A run that ends, as a worker (``output``) or as the one that has started those that are ``down``."""
    plugin = FieldUsage(path, "app")
    plugin.usage.read("bigquery.jobs.get", "status.state" if output is None else "configuration")
    for told in down:
        plugin.pytest_testnodedown(SimpleNamespace(workeroutput=told, gateway=SimpleNamespace(id="gw0")))
    config = SimpleNamespace() if output is None else SimpleNamespace(workeroutput=output)
    session: Any = SimpleNamespace(config=config)
    plugin.pytest_sessionfinish(session)


def test_workers_tell_what_they_have_noted_and_one_file_is_written(tmp_path: Path) -> None:
    path, told = tmp_path / "needs" / "app.yaml", dict[str, str]()
    finished(told, path)
    assert not path.exists()
    finished(None, path, [told, {}])
    assert set(Contract.load(path).methods["bigquery.jobs.get"].fields) == {"status.state", "configuration"}


OWN = """
import pytest
from bqclient import Endpoints, SyncBigQueryClient
from bqclient.errors import BigQueryError

def test_own(bqsim):
    ends = Endpoints(rest=bqsim.url)
    with SyncBigQueryClient(project=bqsim.project, endpoints=ends) as client:
        assert client.queries.execute("SELECT 3").scalar() == 3
        with pytest.raises(BigQueryError):
            client.tables.get("d.none")
"""


def test_what_is_read_by_another_client_is_noted_too(run: Run, pytester: pytest.Pytester) -> None:
    run(OWN, "--bqsim-field-usage=app.yaml").assert_outcomes(passed=1)
    contract = Contract.load(pytester.path / "app.yaml")
    assert contract.methods["bigquery.jobs.query"].fields["jobComplete"] == "boolean"
    assert contract.methods["bigquery.tables.get"].errors == ["notFound"]
    assert contract.broken_by(default()) == []
