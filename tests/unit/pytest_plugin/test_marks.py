from __future__ import annotations

import pytest

from .conftest import Run

pytest_plugins = ["pytester"]

SLOW = """
name: slow
rules:
  - id: down
    match: {method: bigquery.jobs.query}
    effect: {error: accessDenied}
"""


def test_faults_and_latencies(run: Run) -> None:
    result = run(
        """
        import pytest
        from google.api_core import exceptions

        pytestmark = [
            pytest.mark.bqsim_fault("notFound", method="bigquery.datasets.get"),
            pytest.mark.bqsim_latency("1ms", method="bigquery.jobs.*"),
        ]

        @pytest.mark.bqsim_fault("accessDenied", method="bigquery.datasets.get", times=1)
        @pytest.mark.bqsim_fault("quotaExceeded", method="bigquery.datasets.get", times=1)
        @pytest.mark.bqsim_latency("2ms", method="bigquery.jobs.query")
        def test_the_closest_comes_first(bqsim, bqsim_client):
            said = []
            for _ in range(3):
                with pytest.raises(exceptions.ClientError) as told:
                    bqsim_client.get_dataset("d", retry=None)
                said.append(told.value.errors[0]["reason"])
            assert said == ["accessDenied", "quotaExceeded", "notFound"]
            bqsim_client.query_and_wait("SELECT 1")
            [call] = bqsim.verify("bigquery.jobs.query")
            assert [d.latency_s for d in call.decisions if d.latency_s] == [0.002]

        @pytest.mark.bqsim_fault("accesDenied")
        def test_wrong(bqsim):
            pass
        """
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*unknown effect 'accesDenied'; did you mean 'accessDenied'?*"])


def test_scenarios(run: Run, pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("slow.yaml").write_text(SLOW)
    result = run(
        f"""
        import pytest
        from google.api_core import exceptions

        SLOW = {SLOW!r}
        rules = [{{"id": "other", "effect": {{"error": "blocked"}}, "match": {{"method": "*.tables.get"}}}}]

        @pytest.mark.bqsim_scenario("slow.yaml", {{"rules": rules}})
        def test_files_and_mappings(bqsim, bqsim_client):
            with pytest.raises(exceptions.Forbidden):
                bqsim_client.query_and_wait("SELECT 1")
            assert not bqsim.own and [s.fired for s in bqsim.faults] == [1, 0]

        @pytest.mark.bqsim_scenario(SLOW)
        def test_texts(bqsim, bqsim_client):
            with pytest.raises(exceptions.Forbidden):
                bqsim_client.query_and_wait("SELECT 1")

        @pytest.mark.bqsim_scenario({{"seed": 4, "rules": rules}})
        @pytest.mark.bqsim_clock("2030-01-01T00:00:00Z", offset="1h")
        def test_of_the_whole_simulator(bqsim):
            assert bqsim.own and bqsim.seed == 4 and bqsim.clock.mode == "manual"
            assert [s.rule.id for s in bqsim.faults] == ["other"]

        @pytest.mark.bqsim_scenario("slwo.yaml")
        def test_missing(bqsim):
            pass

        @pytest.mark.bqsim_scenario(SLOW.replace("rules", "rles"))
        def test_wrong(bqsim):
            pass
        """
    )
    result.assert_outcomes(passed=3, errors=2)
    result.stdout.fnmatch_lines(["*slwo.yaml: cannot be read*", "*3:1*'rles'*did you mean 'rules'?*"])


def test_clocks_and_seeds(run: Run) -> None:
    result = run(
        """
        import datetime as dt
        import pytest

        NEW_YEAR = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)

        def now(client):
            [row] = client.query_and_wait("SELECT CURRENT_TIMESTAMP()")
            return row[0]

        @pytest.mark.bqsim_clock("2026-01-01T00:00:00Z")
        def test_manual(bqsim, bqsim_client):
            assert now(bqsim_client) - NEW_YEAR < dt.timedelta(seconds=1)
            bqsim.clock.advance("30d")
            assert now(bqsim_client) - NEW_YEAR >= dt.timedelta(days=30)

        @pytest.mark.bqsim_clock("2026-01-01T00:00:00Z", scale=3600)
        def test_scaled(bqsim):
            assert bqsim.clock.mode == "scaled"

        @pytest.mark.bqsim_clock("2026-01-01T00:00:00Z", "real")
        def test_real(bqsim):
            assert bqsim.clock.mode == "real"

        @pytest.mark.bqsim_seed(11)
        def test_seed(bqsim_own):
            assert bqsim_own.seed == 11

        @pytest.mark.bqsim_seed(11, 12)
        def test_two_seeds(bqsim):
            pass

        @pytest.mark.bqsim_clock(begin="2026-01-01")
        def test_wrong_clock(bqsim):
            pass
        """
    )
    result.assert_outcomes(passed=4, errors=2)
    result.stdout.fnmatch_lines(
        [
            "*the marker bqsim_seed takes a seed, and nothing else*",
            "*bqsim_clock takes start, mode, scale and*",
        ]
    )


def test_strict(run: Run) -> None:
    result = run(
        """
        import pytest

        @pytest.mark.bqsim_strict
        def test_verified(bqsim, bqsim_client):
            bqsim_client.create_dataset("d")
            bqsim.verify("bigquery.datasets.insert")

        @pytest.mark.bqsim_strict("bigquery.datasets.*")
        def test_expected(bqsim, bqsim_client):
            bqsim_client.create_dataset("d")

        @pytest.mark.bqsim_strict
        def test_unexpected(bqsim_client):
            bqsim_client.create_dataset("d")
            bqsim_client.delete_dataset("d")
        """
    )
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["2 calls made that nothing expected:", "*bigquery.datasets.insert*"])


def test_data(run: Run) -> None:
    result = run(
        """
        import pytest

        COLORS = ["red", "blue"]

        @pytest.mark.bqsim_data({"shop.colors": [{"name": c} for c in COLORS]})
        @pytest.mark.bqsim_data(
            {"shop.items": {"schema": [{"name": "n", "type": "INT64"}], "rows": 50}}, seed=3
        )
        def test_rows(bqsim, bqsim_client):
            assert {r.name for r in bqsim_client.list_rows("shop.colors")} == set(COLORS)
            assert bqsim_client.get_table("shop.items").num_rows == 50

        @pytest.mark.bqsim_data({"shop": []})
        def test_wrong(bqsim):
            pass
        """
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*shop: a table is named dataset.table*"])


def test_seeds(run: Run, pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("seed.yaml").write_text(
        "datasets: {shop: {tables: {items: {rows: [{n: 1}, {n: 2}]}},\n"
        "  views: {v: SELECT n FROM shop.items}}}\n"
    )
    folder = pytester.mkdir("data")
    folder.joinpath("more").mkdir()
    folder.joinpath("more", "t.csv").write_text("a,b\n1,x\n")
    result = run(
        """
        import pytest

        @pytest.mark.bqsim_data("seed.yaml")
        @pytest.mark.bqsim_data("data")
        def test_rows(bqsim, bqsim_client):
            assert [r.n for r in bqsim_client.query_and_wait("SELECT n FROM shop.v ORDER BY n")] == [1, 2]
            assert bqsim_client.get_table("more.t").num_rows == 1
            assert bqsim.data({"datasets": {"d": {"tables": {"u": {"rows": [{"n": 1}]}}}}}) == {"d.u": 1}
            assert "jobs.insert" not in {c.method for c in bqsim.journal.calls()}

        @pytest.mark.bqsim_data("datasets: {d: {tabels: {}}}\\n")
        def test_wrong(bqsim):
            pass
        """
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*seed:1:*did you mean 'tables'?*"])


def test_marked_tests_have_a_simulator_without_fixtures(run: Run) -> None:
    result = run(
        """
        import json, os, urllib.request
        import pytest

        def ask():
            host, project = os.environ["BIGQUERY_EMULATOR_HOST"], os.environ["GOOGLE_CLOUD_PROJECT"]
            return urllib.request.urlopen(f"{host}/bigquery/v2/projects/{project}/datasets").status

        @pytest.mark.bqsim_fault("accessDenied", method="bigquery.datasets.list")
        def test_by_the_environment():
            with pytest.raises(OSError):
                ask()

        @pytest.mark.bqsim_strict("*")
        class TestAll:
            def test_in_a_class(self):
                assert ask() == 200
        """
    )
    result.assert_outcomes(passed=2)


def test_markers_are_listed(run: Run) -> None:
    result = run("", "--markers")
    result.stdout.fnmatch_lines(["@pytest.mark.bqsim_scenario(*", "@pytest.mark.bqsim_fault(*"])
