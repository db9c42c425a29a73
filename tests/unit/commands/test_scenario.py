from __future__ import annotations

import json
from pathlib import Path

import pytest

from bqsim.cli import main
from bqsim.server.known import api_methods
from bqsim.sim.scenario.schema import json_schema


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
