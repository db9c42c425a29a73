"""What ``bqsim rehearse`` writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from bqsim.commands.rehearse_outputs import check_writable, tell
from bqsim.rehearse.errors import RehearsalError


def test_folders_are_made_and_files_kept(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("as it was")
    check_writable("--out", kept)
    assert kept.read_text() == "as it was"
    check_writable("--out", tmp_path / "new" / "report.txt")
    assert not (tmp_path / "new" / "report.txt").exists()
    check_writable("--charts", tmp_path / "charts", folder=True)
    assert (tmp_path / "charts").is_dir()
    check_writable("--html", None)


def test_what_cannot_be_written_is_refused_by_its_option(tmp_path: Path) -> None:
    with pytest.raises(RehearsalError, match=r"^--html .*: Is a directory$"):
        check_writable("--html", tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(RehearsalError, match=r"^--charts .*: File exists$"):
        check_writable("--charts", tmp_path / "file", folder=True)


def test_reports_end_with_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tell("told", None)
    tell("told\n", tmp_path / "out")
    assert capsys.readouterr().out == "told\n"
    assert (tmp_path / "out").read_text() == "told\n"
