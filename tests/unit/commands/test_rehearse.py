from __future__ import annotations

import io
import json
import os
import re
import signal
import sys
from pathlib import Path

import pytest

from bqsim.cli import main
from bqsim.commands.rehearse import Shown
from bqsim.rehearse.sweep import Progress
from tests.children import ROOT, child
from tests.unit.rehearse.test_sweep import GRID, PLAN

HISTORY = ROOT / "scenarios" / "rehearsals" / "from-history.yaml"


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN + GRID)
    return path


def test_a_plan_alone_is_rehearsed(plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rehearse", str(plan)]) == 0
    said = capsys.readouterr()
    assert "smoke" in said.out and "Uncalibrated" in said.out
    assert "narrow" in said.out
    lines = [line for line in said.err.splitlines() if not line.startswith("note: ")]
    assert [line.split(",")[0] for line in lines] == [f"{n} of 5 settings" for n in range(1, 6)]


def test_without_numba_it_is_said_to_be_slow(
    plan: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bqsim.sim.slots.compiled.is_compiled", lambda: False)
    assert main(["rehearse", str(plan)]) == 0
    assert capsys.readouterr().err.startswith("note: without numba")


def test_that_numba_compiles_is_told_where_nothing_is_kept(
    plan: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bqsim.sim.slots.compiled.is_compiled", lambda: True)
    for kept in (True, False):
        monkeypatch.setattr("bqsim.sim.slots.compiled.is_kept", lambda _function, kept=kept: kept)
        assert main(["rehearse", str(plan)]) == 0
        assert capsys.readouterr().err.startswith("note: numba compiles the model") is not kept


def test_options_may_come_first(plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rehearse", "--quiet", "--format", "json", "--workers", "1", str(plan)]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert json.loads(said.out)["name"] == "smoke"


def test_reports_go_to_files(plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, page, charts = tmp_path / "a" / "report.json", tmp_path / "b" / "report.html", tmp_path / "charts"
    words = ["--out", str(out), "--html", str(page), "--charts", str(charts), "--quiet", "--seed", "8"]
    assert main(["rehearse", "run", str(plan), *words]) == 0
    assert capsys.readouterr().out == ""
    assert json.loads(out.read_bytes())["seed"] == 8
    assert page.read_text().startswith("<!doctype html>") or page.read_text().startswith("<!DOCTYPE html>")
    assert [one.suffix for one in charts.iterdir()] and all(one.suffix == ".svg" for one in charts.iterdir())
    assert main(["rehearse", str(plan), "--out", str(tmp_path / "r.md"), "--quiet"]) == 0
    assert (tmp_path / "r.md").read_text().startswith("#")


def test_a_broken_threshold_is_exit_code_1(plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan.write_text(PLAN + "thresholds:\n  - {p95_duration: 1ms}\n")
    assert main(["rehearse", str(plan), "--quiet"]) == 1
    line = PLAN.count("\n") + 2
    assert f"{plan}:{line}" in capsys.readouterr().out


def test_wrong_plans_are_exit_code_2(plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan.write_text(PLAN.replace("slot_capacity", "slot_capacty"))
    for words in (["check", str(plan)], [str(plan)]):
        assert main(["rehearse", *words]) == 2
        assert re.search(r"plan.yaml:15:12: .*slot_capacty.*slot_capacity", capsys.readouterr().err)
    assert main(["rehearse", str(plan.parent / "none.yaml")]) == 2
    assert "cannot be read: No such file" in capsys.readouterr().err


def test_check_tells_what_would_be_simulated(plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rehearse", "check", str(plan)]) == 0
    assert capsys.readouterr().out.startswith(
        f"{plan}: ok: plan 'smoke', 5 settings, 1 reservation, 1 part of a workload, 0 thresholds\n"
    )
    plan.write_text(plan.read_text() + "uncertainty: {work: 0.2, seeds: 3}\n")
    assert main(["rehearse", "check", str(plan)]) == 0
    assert capsys.readouterr().out.endswith("0 thresholds, 30 simulations\n")


def test_a_report_says_how_far_the_model_is_off(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rehearse", str(HISTORY), "--validate", "--quiet"]) in (0, 1)
    out = capsys.readouterr().out
    assert "Calibrated: 84 jobs of jobs.ndjson were replayed" in out and "Uncalibrated" not in out


def test_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rehearse", "schema"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "bqsim rehearsal plan"


def test_what_cannot_be_written_is_told_before_the_work(
    plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    for option in ("--out", "--html", "--charts"):
        assert main(["rehearse", str(plan), option, str(tmp_path / "file" / "x")]) == 2
        said = capsys.readouterr()
        assert said.err.startswith(f"bqsim rehearse: {option} {tmp_path}") and "settings" not in said.err
    assert main(["rehearse", str(plan), "--png"]) == 2
    assert "--charts" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    assert main(["rehearse", str(plan), "--png", "--charts", str(tmp_path / "charts")]) == 2
    said = capsys.readouterr()
    assert "bqsim[png]" in said.err and "settings" not in said.err


@pytest.mark.parametrize(
    "words", [["--workers", "0"], ["--workers", "x"], ["--seed", "-1"], ["--spread", "x"], []]
)
def test_wrong_usage_is_exit_code_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["rehearse", *words])
    assert caught.value.code == 2
    assert "usage: bqsim rehearse" in capsys.readouterr().err


def test_an_interrupt_ends_workers_and_tells(tmp_path: Path) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(PLAN.replace("0.01", "30").replace("1500", "15000") + GRID)
    with child("-m", "bqsim.cli", "rehearse", str(file), "--workers", "2") as process:
        children: list[int] = []
        while len(children) < 2 and process.poll() is None:
            children = _workers(process.pid)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (130, "")
        assert "Traceback" not in err and err.endswith("bqsim rehearse: interrupted\n")
        for pid in children:
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)


def _workers(pid: int) -> list[int]:
    children = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [one for one in children if b"spawn_main" in Path(f"/proc/{one}/cmdline").read_bytes()]


def progress(setting: str, jobs: int, share: float, done: int) -> Progress:
    return Progress(setting, 0, jobs, share, done, 2)


def test_progress_is_a_line_for_each_setting_that_is_done() -> None:
    stream = io.StringIO()
    shown = Shown(stream)
    for one in (progress("a", 600, 0.5, 0), progress("b", 500, 0.4, 0), progress("a", 1200, 1.0, 1)):
        shown(one)
    shown(progress("b", 1300, 1.0, 2))
    shown.end()
    assert stream.getvalue() == (
        "1 of 2 settings, 1,700 jobs (a: done)\n2 of 2 settings, 2,500 jobs (b: done)\n"
    )


def test_on_a_terminal_progress_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: True)
    shown = Shown(stream)
    shown(progress("a", 600, 0.5, 0))
    shown(progress("a", 1200, 1.0, 1))
    shown.end()
    shown.end()
    assert stream.getvalue() == (
        "\r0 of 2 settings, 600 jobs (a: 50%)\x1b[K\r1 of 2 settings, 1,200 jobs\x1b[K\n"
    )
