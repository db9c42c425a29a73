from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from bqsim.engine.duckdb import DuckDBEngine
from bqsim.engine.protocol import FileNotRead
from bqsim.engine.readable import ReadableFiles
from bqsim.errors import BigQueryError


def test_a_file_is_readable_while_it_is_admitted(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    files = ReadableFiles(tmp_path / "data")
    assert not any(Path(folder).exists() for folder in files.folders)
    content = tmp_path / "content"
    content.write_bytes(b"abc")
    with content.open("rb") as stream, files.admitted(stream) as name:
        assert name is not None
        assert Path(name).read_bytes() == b"abc"
        assert str(Path(name).parent) in files.folders
    assert not Path(name).exists()
    assert content.read_bytes() == b"abc"
    files.close()
    assert not any(Path(folder).exists() for folder in files.folders)


def test_what_is_no_plain_file_is_not_admitted(tmp_path: Path) -> None:
    files = ReadableFiles(None)
    with files.admitted(io.BytesIO(b"abc")) as name:
        assert name is None
    content = tmp_path / "content"
    content.write_bytes(b"abc")
    with content.open("rb") as stream:
        content.unlink()
        with files.admitted(stream) as name:
            assert name is None
        content.write_bytes(b"another")
        with files.admitted(stream) as name:
            assert name is None
    assert not os.path.exists(files.folders[0]) or os.listdir(files.folders[0]) == []
    files.close()


def test_what_a_killed_process_left_goes(tmp_path: Path) -> None:
    (tmp_path / "reading").mkdir()
    (tmp_path / "reading" / "1").write_bytes(b"left")
    files = ReadableFiles(tmp_path)
    content = tmp_path / "content"
    content.write_bytes(b"abc")
    with content.open("rb") as stream, files.admitted(stream) as name:
        assert name is not None
        assert Path(name).read_bytes() == b"abc"
    assert os.listdir(tmp_path / "reading") == []
    files.close()


def test_a_folder_of_another_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    files = ReadableFiles(None)
    Path(files.folders[0]).symlink_to(tmp_path)
    content = tmp_path / "content"
    content.write_bytes(b"abc")
    with content.open("rb") as stream, files.admitted(stream) as name:
        assert name is None
    files.close()
    assert content.exists()


def test_folders_of_engines_differ() -> None:
    assert ReadableFiles(None).folders != ReadableFiles(None).folders


@pytest.mark.parametrize("durable", [False, True])
def test_the_engine_reads_no_other_file(tmp_path: Path, durable: bool) -> None:
    engine = DuckDBEngine(tmp_path / "data" if durable else None)
    session = engine.session()
    content = tmp_path / "content.csv"
    content.write_text("1\n2\n")
    beside = tmp_path / "beside.csv"
    beside.write_text("secret\n")
    with content.open("rb") as stream, session.admitted(stream) as name:
        assert name is not None
        assert session.scalar(f"SELECT count(*) FROM read_csv('{name}', header = false)") == 2
        folder = Path(name).parent
        os.symlink(beside, folder / "link")
        for path in (beside, "/etc/passwd", f"{folder}/../{beside.name}", folder / "link"):
            with pytest.raises(FileNotRead, match="disabled by configuration"):
                session.scalar(f"SELECT count(*) FROM read_csv('{path}', header = false)")
        with pytest.raises(FileNotRead):
            session.execute("SET GLOBAL allowed_directories = ['/']")
        with pytest.raises(FileNotRead):
            session.execute("SET GLOBAL enable_external_access = true")
    for path in (content, name, beside):
        with pytest.raises(BigQueryError):
            session.scalar(f"SELECT count(*) FROM read_csv('{path}', header = false)")
    session.close()
    engine.close()
    assert not folder.exists()
