from __future__ import annotations

from bqsim.fidelity import load

from .conftest import Control


def test_the_manifest(control: Control) -> None:
    answer = control.do("GET", "fidelity")
    assert answer["subjects"] == load().to_json()["subjects"]
    assert answer["counts"] == load().counts()


def test_a_part_of_it(control: Control) -> None:
    answer = control.do("GET", "fidelity?subject=rest:*&status=absent")
    assert "rest:bigquery.models.get" in answer["subjects"]
    assert "rest:bigquery.tables.get" not in answer["subjects"]
    assert list(answer["families"]) == ["rest"]
    assert control.do("GET", "fidelity?subject=zzz")["subjects"] == {}
    assert "did you mean 'exact'?" in control.ask("GET", "fidelity?status=exakt").message
