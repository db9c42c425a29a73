"""A data directory belongs to one process, and a broken one is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from bqsim.engine.duckdb import DataDirError, DataDirLocked, DuckDBEngine


def test_a_directory_opens_once(tmp_path: Path) -> None:
    engine = DuckDBEngine(tmp_path)
    with pytest.raises(DataDirLocked, match="is in use by another bqsim process"):
        DuckDBEngine(tmp_path)
    engine.close()
    DuckDBEngine(tmp_path).close()


def test_a_damaged_file_is_told_by_name(tmp_path: Path) -> None:
    (tmp_path / "bqsim.duckdb").write_bytes(b"not a database" * 1000)
    with pytest.raises(DataDirError, match="is damaged or not a bqsim database"):
        DuckDBEngine(tmp_path)
    (tmp_path / "bqsim.duckdb").unlink()
    DuckDBEngine(tmp_path).close()
