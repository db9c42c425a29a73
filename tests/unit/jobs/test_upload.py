from __future__ import annotations

from pathlib import Path

from bqsim.jobs.upload import Upload


def test_bytes() -> None:
    upload = Upload(data=b"abc")
    assert (upload.size, upload.open().read()) == (3, b"abc")
    upload.discard()
    assert upload.open().read() == b"abc"


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"abcd")
    upload = Upload(path=path)
    assert (upload.size, upload.open().read()) == (4, b"abcd")
    upload.discard()
    upload.discard()
    assert not path.exists()
