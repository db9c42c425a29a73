from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from bqsim.simulator import Simulator

from .conftest import Run

SCENARIOS = Path(__file__).resolve().parents[3] / "scenarios"

pytest_plugins = ["pytester"]


def test_client_is_ready_on_its_own_project(bqsim_client: Any, bqsim_project: str) -> None:
    assert bqsim_client.project == bqsim_project
    assert list(bqsim_client.list_datasets()) == []
    bqsim_client.create_dataset("d")


def test_each_test_has_a_fresh_project(bqsim_client: Any) -> None:
    assert list(bqsim_client.list_datasets()) == []


def test_environment_points_at_the_server(bqsim_server: Simulator, bqsim_project: str) -> None:
    assert os.environ["BIGQUERY_EMULATOR_HOST"] == bqsim_server.url
    assert os.environ["BIGQUERY_STORAGE_GRPC_ENDPOINT"] == bqsim_server.grpc_target
    assert os.environ["GOOGLE_CLOUD_PROJECT"] == bqsim_project


def test_storage_clients_see_what_the_client_makes(
    bqsim_client: Any, bqsim_read_client: Any, bqsim_write_client: Any
) -> None:
    bqsim_client.create_dataset("d")
    bqsim_client.query_and_wait("CREATE TABLE d.t AS SELECT 7 AS n")
    project = f"projects/{bqsim_client.project}"
    table = f"{project}/datasets/d/tables/t"
    session = bqsim_read_client.create_read_session(
        parent=project, read_session={"table": table, "data_format": "ARROW"}
    )
    [stream] = session.streams
    assert bqsim_read_client.read_rows(stream.name).to_arrow(session)["n"].to_pylist() == [7]
    default = bqsim_write_client.get_write_stream(name=f"{table}/streams/_default")
    assert default.name == f"{table}/streams/_default"


def test_faults_end_with_their_test_and_are_seen_by_no_other(run: Run) -> None:
    result = run(
        """
        import pytest
        from google.api_core import exceptions

        def query(client):
            return client.query_and_wait("SELECT 1", job_retry=None, retry=None)

        @pytest.mark.parametrize("n", [1, 2])
        def test_fails(bqsim, bqsim_client, n):
            bqsim.faults.add("accessDenied", method="bigquery.jobs.query")
            bqsim.latency.set("1ms", method="bigquery.jobs.*")
            with pytest.raises(exceptions.Forbidden):
                query(bqsim_client)

        def test_nothing_is_left(bqsim, bqsim_client, bqsim_server):
            query(bqsim_client)
            assert not bqsim_server.faults.list() and not bqsim_server.parts.latencies
            assert len(bqsim.journal.calls()) == 1
            bqsim_server.verify("bigquery.jobs.query", times=3)

        def test_other_projects_are_others(bqsim, bqsim_client):
            bqsim.faults.add("accessDenied", method="bigquery.jobs.query")
            query(bqsim.client("another-project"))
            assert not bqsim.journal.calls()
        """
    )
    result.assert_outcomes(passed=4)


def test_own_simulators(run: Run) -> None:
    result = run(
        """
        import os
        import pytest

        def test_own(bqsim_own, bqsim_client, bqsim_server):
            assert bqsim_own.url != bqsim_server.url
            assert os.environ["BIGQUERY_EMULATOR_HOST"] == bqsim_own.url
            bqsim_own.clock.freeze()
            bqsim_own.clock.advance("36h")
            bqsim_own.limits.use("bigquery", scale=0.5)
            bqsim_own.capacity.use("reservations: {etl: {slot_capacity: 50}}")
            bqsim_own.capacity.off()
            bqsim_own.faults.add("accessDenied", method="bigquery.datasets.insert")
            bqsim_client.query_and_wait("SELECT 1")
            bqsim_own.verify("bigquery.jobs.query", times=1)

        def test_shared(bqsim, bqsim_server, bqsim_client):
            assert bqsim.url == os.environ["BIGQUERY_EMULATOR_HOST"] == bqsim_server.url
            assert bqsim_server.clock.mode == "real"
            bqsim_client.create_dataset("d")

        @pytest.mark.parametrize("part", ["clock", "capacity", "limits", "iam", "worlds"])
        def test_what_all_share_is_not_to_be_changed(bqsim, part):
            with pytest.raises(RuntimeError, match=f"bqsim.{part} is that of the whole simulator.*bqsim_own"):
                getattr(bqsim, part)
            with pytest.raises(RuntimeError, match="bqsim.seed"):
                bqsim.reseed(1)

        def test_too_late(bqsim, request):
            request.getfixturevalue("bqsim_own")

        @pytest.mark.bqsim_own(location="EU")
        def test_settings(bqsim, bqsim_client):
            assert bqsim.own
            assert bqsim_client.create_dataset("d").location == "EU"
        """
    )
    result.assert_outcomes(passed=8, failed=1)
    result.stdout.fnmatch_lines(["*the session's simulator already: name bqsim_own among its arguments*"])


def test_settings_of_the_session(run: Run) -> None:
    result = run(
        """
        import pytest

        @pytest.fixture(scope="session")
        def bqsim_settings():
            return {"location": "EU", "seed": 5}

        def test_session(bqsim, bqsim_client):
            assert bqsim_client.create_dataset("d").location == "EU" and bqsim.seed == 5

        def test_own(bqsim_own, bqsim_client):
            assert bqsim_client.create_dataset("d").location == "EU" and bqsim_own.seed == 5
        """
    )
    result.assert_outcomes(passed=2)


def test_modules_share_a_project(run: Run) -> None:
    result = run(
        """
        import pytest

        @pytest.fixture(scope="module")
        def dataset(bqsim_module, bqsim_module_client):
            bqsim_module.data({"d.t": [{"n": 1}]})
            bqsim_module.retry_tests.create({"tables.get": ["ok", "ok"]})
            return bqsim_module_client

        def test_one(dataset):
            assert dataset.get_table("d.t").num_rows == 1

        def test_other(dataset, bqsim):
            assert dataset.project != bqsim.project
            dataset.query_and_wait("INSERT d.t VALUES (2)")
        """
    )
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*instructions that no call used up:*", "*bigquery.tables.get: ok*"])


def test_runs_without_bqsim_start_none(run: Run) -> None:
    result = run(
        """
        import sys

        def test_plain(request):
            assert "bqsim" not in request.fixturenames
            assert "bqsim" not in request.node.funcargs
        """
    )
    result.assert_outcomes(passed=1)


def test_ready_scenarios_are_put_in_force_for_the_project_of_a_test(run: Run) -> None:
    result = run(
        f"""
        from pathlib import Path

        import pytest
        from bqsim.sim.scenario.tree import ScenarioError

        SCENARIOS = Path({str(SCENARIOS)!r})

        def test_loaded(bqsim, bqsim_client):
            seed = bqsim.seed
            bqsim.load(SCENARIOS / "storage-write-restart-wave.yaml")
            assert not bqsim.own and len(bqsim.faults) == 3 and bqsim.seed == seed
            assert list(bqsim_client.query_and_wait("SELECT 1"))

        def test_of_the_whole(bqsim):
            with pytest.raises(ScenarioError) as caught:
                bqsim.load(SCENARIOS / "clock-skew.yaml")
            assert "bqsim_scenario" in caught.value.__notes__[0]

        def test_own(bqsim_own):
            bqsim_own.load(SCENARIOS / "month-end.yaml")
        """
    )
    result.assert_outcomes(passed=3)
