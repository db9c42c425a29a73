from __future__ import annotations

import pytest

from bqsim.simulator import Simulator

from .conftest import Run

pytest_plugins = ["pytester"]


def test_instructions_that_are_left_fail_the_test(run: Run) -> None:
    result = run(
        """
        def test_left(bqsim, bqsim_client):
            bqsim.retry_tests.create({"datasets.insert": ["ok", "backendError"]})
            bqsim_client.create_dataset("d")

        def test_used_up(bqsim, bqsim_client):
            with bqsim.retry_tests.create({"datasets.insert": ["ok"]}) as test:
                bqsim_client.create_dataset("d")
            assert test.taken == [("bigquery.datasets.insert", "ok")]

        def test_fails_first(bqsim):
            bqsim.retry_tests.create({"datasets.insert": ["ok"]})
            assert False, "for another reason"

        def test_nothing_is_left_of_it(bqsim_server, bqsim):
            assert not bqsim_server.retry_tests.list()
        """
    )
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(
        [
            "The retry test '*' has instructions that no call used up:",
            "  bigquery.datasets.insert: error backendError",
            "Calls took:",
            "  bigquery.datasets.insert: ok",
        ]
    )
    result.stdout.fnmatch_lines(["*for another reason*"])


def test_failures_show_the_calls_the_rules_and_the_seed(run: Run) -> None:
    result = run(
        """
        import pytest

        @pytest.mark.bqsim_fault("accessDenied", id="denied", method="bigquery.jobs.query")
        def test_fails(bqsim_client):
            bqsim_client.query_and_wait("SELECT 1")

        def test_many(bqsim, bqsim_client):
            for n in range(25):
                bqsim_client.create_dataset(f"d{n}")
            assert False

        def test_none(bqsim):
            assert False
        """,
        "--bqsim-seed=17",
    )
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(
        [
            "bqsim: --bqsim-seed=17",
            "*- bqsim -*",
            "project test-fails-* at http://127.0.0.1:*, --bqsim-seed=17",
            "calls:",
            "  #* bigquery.jobs.query projects/test-fails-* 403 accessDenied [[]rule 'denied@*",
            "faults:",
            "  denied@test-fails-*: fired 1 of 1",
            "the last 20 of 25 calls:",
            "no calls",
        ]
    )


def test_fresh_seeds_differ_and_are_told(run: Run) -> None:
    seeds = set()
    for _ in range(2):
        result = run("def test_seed(bqsim): print(f'bqsim: --bqsim-seed={bqsim.seed}')", "-rP")
        told = [line for line in result.outlines if line.startswith("bqsim: --bqsim-seed=")]
        assert len(told) == 2
        seeds.update(told)
    assert len(seeds) == 2


def test_the_same_seed_repeats_the_draws_of_each_test_in_any_order(run: Run) -> None:
    text = """
        import pytest
        from google.api_core import exceptions

        @pytest.mark.parametrize("n", range(3))
        @pytest.mark.bqsim_fault("notFound", method="bigquery.datasets.insert", probability=0.5)
        def test_luck(bqsim_client, n):
            said = ""
            for i in range(12):
                try:
                    bqsim_client.create_dataset(f"d{i}", retry=None)
                    said += "."
                except exceptions.NotFound:
                    said += "F"
            print("LUCK", n, said)
        """

    def lucks(*options: str) -> list[str]:
        result = run(text, "-rP", *options)
        result.assert_outcomes(passed=3 if "-k" not in options else 1)
        return sorted(line for line in result.outlines if line.startswith("LUCK"))

    first = lucks("--bqsim-seed=5")
    assert lucks("--bqsim-seed=5") == first
    assert lucks("--bqsim-seed=5", "-k", "test_luck[2]") == first[2:]
    assert lucks("--bqsim-seed=6") != first


def test_a_scenario_for_the_whole_run(run: Run, pytester: pytest.Pytester) -> None:
    file = pytester.path / "all.yaml"
    file.write_text("rules:\n- {effect: {error: accessDenied}, match: {method: bigquery.datasets.insert}}\n")
    text = """
        import pytest
        from google.api_core import exceptions

        def test_session(bqsim_client):
            with pytest.raises(exceptions.Forbidden):
                bqsim_client.create_dataset("d")

        @pytest.mark.bqsim_clock("2026-01-01T00:00:00Z")
        def test_own(bqsim_client):
            with pytest.raises(exceptions.Forbidden):
                bqsim_client.create_dataset("d")
        """
    run(text, f"--bqsim-scenario={file}").assert_outcomes(passed=2)
    file.write_text("rles: []\n")
    result = run(text, f"--bqsim-scenario={file}")
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["*all.yaml:1:1: unknown key 'rles'*did you mean 'rules'?*"])


def test_a_simulator_that_runs_already(run: Run, bqsim_server: Simulator) -> None:
    text = """
        import pytest
        from google.api_core import exceptions

        @pytest.mark.bqsim_data({"d.t": [{"n": 1}]})
        @pytest.mark.bqsim_fault("accessDenied", method="bigquery.jobs.query")
        def test_there(bqsim, bqsim_client, bqsim_server):
            with pytest.raises(exceptions.Forbidden):
                bqsim_client.query_and_wait("SELECT 1")
            bqsim.verify("bigquery.jobs.query", times=1)
            assert bqsim_client.get_table("d.t").num_rows == 1
            with pytest.raises(RuntimeError, match="whole simulator"):
                bqsim.clock

        def test_left(bqsim):
            bqsim.retry_tests.create({"datasets.insert": ["ok"]})
        """
    for _ in range(2):
        result = run(text, f"--bqsim-url={bqsim_server.url}")
        result.assert_outcomes(passed=1, failed=1)
        result.stdout.fnmatch_lines(["*instructions that no call used up*"])
    assert not [s for s in bqsim_server.faults if "test-there" in s.rule.id]
    result = run(text, "--bqsim-url=127.0.0.1:9")
    result.stdout.fnmatch_lines(["*the address of a simulator is like http://127.0.0.1:9050*"])
