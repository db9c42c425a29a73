"""``bqsim cassette``: what it prints, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bqsim.cli import main
from bqsim.record.cassette.cassette import Cassette
from tests.unit.record.cassette.conftest import write
from tests.unit.record.redact.canaries import canaries


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "shop.cassette").folder


def _run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    try:
        code = main(["cassette", *map(str, words)])
    except SystemExit as error:
        code = int(error.code or 0)
    told = capsys.readouterr()
    return code, told.out, told.err


def test_show_lists_operations(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "show", folder)
    title, first, *rest = out.splitlines()
    assert code == 0
    assert title == f"{folder}: 8 operations, recorded 2026-01-01, by gl-python/3.12.1 gccl/3.30.0"
    assert first.split("  ")[0] == "0000000000000000.1"
    assert first.endswith("40 rows                   SELECT n, s FROM `${project}.shop.orders_0`")
    assert len(rest) == 7 and rest[-1].endswith("tables.get projects/${project}/datasets/shop/tables/t")
    code, out, _ = _run(capsys, "show", folder, "--kind", "metadata", "--json")
    assert [o["kind"] for o in json.loads(out)["operations"]] == ["metadata"] * 4


def test_show_tells_one_in_full(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "show", folder, "0000000000000001", "--measures")
    lines = out.splitlines()
    assert code == 0 and lines[0] == "query 0000000000000001.1: 40 rows"
    assert "  sql: |" in lines and "    SELECT n, s" in lines
    assert any("bytes of unknown media" in line for line in lines)
    assert any("Arrow, 20 rows: n int64, s string" in line for line in lines)
    assert any("end_s: 1.5" in line for line in lines)
    code, out, _ = _run(capsys, "show", folder, "0000000000000001.1", "--json")
    assert json.loads(out)["result"]["totalRows"] == 40
    code, _, err = _run(capsys, "show", folder, "00000000")
    assert code == 2 and "8 operations are called so" in err
    code, _, err = _run(capsys, "show", folder, "zzz")
    assert code == 2 and "there is no such operation" in err


def test_trim(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "report.json"
    report.write_text(json.dumps({"findings": [{"what": "unused", "operation": "0000000000000003.1"}]}))
    code, out, _ = _run(capsys, "trim", folder, "--rows", 5, "--drop", "metadata", "--unused", report)
    assert code == 0 and "8 → 3 operations" in out and "at most 5 rows each" in out
    assert len(Cassette.open(folder)) == 3
    code, _, err = _run(capsys, "trim", folder, "--budget", "10")
    assert code == 1 and "without any rows" in err
    assert _run(capsys, "trim", folder, "--budget", "much")[0] == 2
    report.write_text("[]")
    assert _run(capsys, "trim", folder, "--unused", report)[0] == 2
    code, out, _ = _run(capsys, "trim", folder, "--out", tmp_path / "b.cassette", "--only", "query", "--json")
    assert json.loads(out)["operations"] == [3, 3]


def test_merge_and_diff(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = write(tmp_path / "other.cassette", totalRows=41).folder
    code, out, _ = _run(capsys, "diff", folder, folder)
    assert (code, out) == (0, "the same operations\n")
    code, out, _ = _run(capsys, "diff", folder, other, "--measures")
    assert code == 1
    assert "~ query 0000000000000000.1  SELECT n, s FROM" in out
    assert "    result.totalRows: 40 → 41 (+2.5%)" in out
    assert "  unsure  end_s: 1.5 → 1.5 (1 and 1 samples)" in out
    code, out, _ = _run(capsys, "diff", folder, other, "--json")
    assert code == 1 and len(json.loads(out)["changes"]) == 4
    assert _run(capsys, "diff", folder, tmp_path / "none")[0] == 2
    made = tmp_path / "made.cassette"
    code, _, err = _run(capsys, "merge", folder, other, "--out", made)
    assert code == 1 and "operation query 0000000000000003.1" in err and not made.exists()
    code, out, _ = _run(capsys, "merge", folder, other, "--out", made, "--conflicts", "both")
    assert code == 0 and "12 operations of 2 cassettes" in out
    code, _, err = _run(capsys, "merge", folder, "--out", made)
    assert code == 1 and "there is a cassette already" in err


def test_lint(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(capsys, "lint", folder) == (0, f"{folder}: ok\n", "")
    token = canaries()["stripe key"][1]
    path = folder / "operations.txt"
    path.write_text(path.read_text().replace("FROM `${project}.shop.orders_2`", f"-- {token}"))
    code, out, _ = _run(capsys, "lint", folder)
    line = path.read_text()[: path.read_text().index(token)].count("\n") + 1
    assert code == 1 and token not in out
    assert out.startswith(f"{path}:{line}: error: stripe-key in operation 0000000000000002.1: {token[:4]}…")
    code, out, _ = _run(capsys, "lint", folder, "--json")
    (finding,) = json.loads(out)["findings"]
    assert (finding["what"], finding["kind"], finding["line"]) == ("leak", "stripe-key", line)
    policy = tmp_path / "policy.yaml"
    policy.write_text("keep: [stripe-key]\nentropy: off\n")
    assert _run(capsys, "lint", folder, "--policy", policy)[0] == 0
    policy.write_text("keep: [stripe]\n")
    code, _, err = _run(capsys, "lint", folder, "--policy", policy)
    assert code == 2 and "policy.yaml:1:8: there is no kind 'stripe'" in err


def test_lint_of_age(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(capsys, "lint", folder, "--max-age", "10y")[0] in (0, 1)
    path = folder / "cassette.json"
    path.write_text(path.read_text().replace("2026-01-01", "2001-01-01"))
    code, out, _ = _run(capsys, "lint", folder, "--max-age", "90d")
    assert code == 1 and "recorded on 2001-01-01" in out
    assert _run(capsys, "lint", folder, "--warn-age", "90d")[0] == 0
    assert _run(capsys, "lint", folder, "--warn-age", "90d", "--strict")[0] == 1
    assert _run(capsys, "lint", folder, "--max-age", "old")[0] == 2


def test_upgrade_and_recover(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(capsys, "upgrade", folder)[:2] == (0, f"{folder}: version 1, nothing to do\n")
    assert _run(capsys, "recover", folder)[:2] == (0, f"{folder}: 8 operations\n")
    code, _, err = _run(capsys, "upgrade", tmp_path / "none")
    assert code == 1 and "there is no cassette here" in err
