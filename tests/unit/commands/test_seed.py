from __future__ import annotations

import json
from pathlib import Path

import bqsim
from bqsim.simulator import Simulator

from .conftest import Run

SEED = "datasets: {seeded: {tables: {t: {rows: [{n: 1}, {n: 2}]}}}}\n"


def test_seed(run: Run, sim: Simulator, tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(SEED)
    assert run("seed", str(path), "--check") == (0, "ok\n", "")
    try:
        assert run("seed", str(path), "--project", "p") == (0, "seeded.t: 2 rows\nmade 1 table\n", "")
        code, _, said = run("seed", str(path), "--project", "p")
        assert code == 1 and "s.yaml:1:33: seeded.t is there already" in said
        kept = run("seed", str(path), "--project", "p", "--if-missing")
        assert kept == (0, "made nothing; 1 left as they were\n", "")
        assert run("seed", str(path), "--project", "p", "--replace", "--quiet") == (0, "", "")
    finally:
        with sim.client() as client:
            client.delete_dataset("seeded", delete_contents=True, not_found_ok=True)


def test_wrong_seeds(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("datasets: {d: {tabels: {}}}\n")
    code, said, wrong = run("seed", str(path), "--check")
    assert (code, said) == (
        1,
        "",
    ) and "s.yaml:1:16: unknown key 'tabels' of a dataset; did you mean 'tables'?" in wrong
    assert run("seed")[0] == 2


def test_the_schema(run: Run) -> None:
    code, said, _ = run("seed", "--schema")
    assert code == 0 and json.loads(said)["title"] == "bqsim seed"


def test_a_data_directory(run: Run, tmp_path: Path) -> None:
    path, data = tmp_path / "s.yaml", tmp_path / "data"
    path.write_text(SEED)
    assert run("seed", str(path), "--data-dir", str(data), "--project", "lasting")[0] == 0
    with bqsim.start(project="lasting", data_dir=data) as again, again.client() as client:
        assert client.get_table("seeded.t").num_rows == 2
