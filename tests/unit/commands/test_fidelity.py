from __future__ import annotations

import json

import pytest

from bqsim.cli import main
from bqsim.commands.fidelity import lines
from bqsim.fidelity import load


def test_a_table(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert main(["fidelity", "rest:bigquery.projects.*", "--tests"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "rest: REST methods (2 approximated)"
    assert shown[1].split() == [
        "approximated",
        "bigquery.projects.getServiceAccount",
        "GET",
        "projects/{projectId}/serviceAccount",
    ]
    assert shown[2].startswith("    - The account is made")
    assert shown[3].endswith("tests/unit/server/rest/test_projects.py::test_service_account")
    assert shown[-1] == "0 exact; 2 approximated; 0 supplied; 0 absent"


def test_functions_of_a_family(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fidelity", "function", "--status", "supplied"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith("function: Functions and operators (")
    assert [line.split() for line in shown if "ML.PREDICT" in line] == [
        ["supplied", "ML.PREDICT", "SUPPLIED"]
    ]


def test_json_of_a_status(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fidelity", "--status", "absent", "--json", "load:*"]) == 0
    subjects = json.loads(capsys.readouterr().out)["subjects"]
    assert "load:DATASTORE_BACKUP" in subjects
    assert {entry["status"] for entry in subjects.values()} == {"absent"}


def test_lines_are_no_longer_than_the_window() -> None:
    made = list(lines(load(), 80))
    assert max(len(line) for line in made if not line.endswith(")")) <= 80


@pytest.mark.parametrize(
    ("subject", "hint"),
    [
        ("rest:bigquery.tables.gett", "did you mean rest:bigquery.tables.get?"),
        ("zzz", "families: rest, http"),
    ],
)
def test_what_is_not_there(capsys: pytest.CaptureFixture[str], subject: str, hint: str) -> None:
    assert main(["fidelity", subject]) == 1
    assert hint in capsys.readouterr().err
