from __future__ import annotations

import json
from pathlib import Path

import pytest

from bqsim.cli import main
from bqsim.server.known import api_methods
from bqsim.sim.scenario.schema import json_schema
from bqsim.simulator import Simulator

from .conftest import Run


def test_check_of_good_files_is_exit_code_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_text("name: brown-out\nrules:\n- effect: {error: backendError}\n")
    two.write_text("clock: manual\n")
    assert main(["scenario", "check", str(one), str(two)]) == 0
    assert capsys.readouterr().out == (
        f"{one}: ok: scenario 'brown-out', 1 rule\n{two}: ok: scenario 'scenario', 0 rules\n"
    )


def test_check_tells_all_that_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("name: x\n")
    bad.write_text(
        "rules:\n- effect: {error: backendEror}\n"
        "- effect: expire_token\n  match: {method: bigquery.job.get}\n"
    )
    assert main(["scenario", "check", str(bad), str(tmp_path / "none.yaml"), str(good)]) == 1
    said = capsys.readouterr()
    assert said.out == f"{good}: ok: scenario 'x', 0 rules\n"
    assert said.err.splitlines() == [
        f"{bad}:2:19: unknown error reason 'backendEror'; did you mean 'backendError'?",
        f"{bad}:4:19: no API method matches 'bigquery.job.get'; did you mean 'bigquery.jobs.get'?",
        f"{tmp_path}/none.yaml: cannot be read: No such file or directory",
    ]


def test_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scenario", "schema"]) == 0
    assert json.loads(capsys.readouterr().out) == json_schema()


@pytest.mark.parametrize("arguments", [[], ["check"], ["chek", "x"], ["schema", "x"]])
def test_wrong_usage_is_exit_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["scenario", *arguments])
    assert caught.value.code == 2
    assert "usage: bqsim" in capsys.readouterr().err


def test_methods_of_both_transports_are_known() -> None:
    assert {"bigquery.jobs.insert", "google.cloud.bigquery.storage.v1.BigQueryRead.ReadRows"} <= api_methods()


STORM = """\
name: storm
rules:
- {id: down, match: {method: bigquery.jobs.query}, effect: {error: backendError}, times: 1}
"""


def test_explain_tells_a_file_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "storm.yaml"
    file.write_text(STORM)
    assert main(["scenario", "explain", str(file)]) == 0
    assert capsys.readouterr().out == (
        "scenario 'storm'\n\n"
        f"1. down ({file}:3)\n"
        "   when  a call of bigquery.jobs.query\n"
        "   does  the request fails with backendError (HTTP 503), its work not done\n"
        "   times once\n"
    )
    calls = ["--call", "{method: bigquery.jobs.query}", "--call", "{method: bigquery.jobs.get}"]
    assert main(["scenario", "explain", str(file), *calls]) == 0
    assert capsys.readouterr().out == (
        "{method: bigquery.jobs.query}\n"
        f"  rule 'down' ({file}:3) fires: call 1\n"
        "{method: bigquery.jobs.get}\n"
        f"  rule 'down' ({file}:3) does not fire: "
        "method: wants bigquery.jobs.query, got 'bigquery.jobs.get'\n"
    )


@pytest.mark.parametrize(
    ("text", "call", "message"),
    [
        ("nam: x", "{method: bigquery.jobs.get}", "unknown key 'nam' of a scenario; did you mean 'name'?"),
        (STORM, "{metod: x}", "call: metod: unknown key 'metod' of a call; did you mean 'method'?"),
        (STORM, "{method: bigquery.job.get}", "did you mean 'bigquery.jobs.get'?"),
        (STORM, "[", "this is not valid YAML"),
    ],
)
def test_explain_of_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, call: str, message: str
) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(text)
    assert main(["scenario", "explain", str(file), "--call", call]) == 1
    said = capsys.readouterr()
    assert said.out == "" and message in said.err


def test_a_file_is_loaded_into_a_simulator(run: Run, sim: Simulator, tmp_path: Path) -> None:
    file = tmp_path / "storm.yaml"
    file.write_text("seed: 5\n" + STORM)
    assert run("scenario", "load", str(file)) == (0, "scenario 'storm' is in force, seed 5\n", "")
    assert sim.faults.get("down").rule.source == "storm.yaml:4"
    assert run("scenario", "clear") == (0, "", "") and len(sim.faults) == 0
    run("scenario", "load", str(file), "--ttl", "5m")
    sim.clock.freeze()
    sim.clock.advance("5m")
    assert len(sim.faults) == 0
    file.write_text("nam: x")
    assert "did you mean 'name'" in run("scenario", "load", str(file))[2]
