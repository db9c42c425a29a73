from __future__ import annotations

from pathlib import Path

import pytest

from bqsim.server.rest import spool
from bqsim.server.rest.spool import Spool


def test_large_content_goes_to_a_file_that_is_deleted_when_discarded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "SPOOL_BYTES", 3)
    content = Spool()
    content.write(b"ab")
    assert content.data() == b"ab"
    for piece in (b"cd", b"ef"):
        content.write(piece)
    assert content.data() is None
    path = content.take()
    assert path.read_bytes() == b"abcdef"
    content.discard()
    assert not path.exists()


def test_a_file_of_its_own_is_gone_on_with(tmp_path: Path) -> None:
    first = Spool(tmp_path / "x.data")
    first.write(b"abc")
    second = Spool(tmp_path / "x.data")
    assert second.size == 3
    second.write(b"d")
    assert second.take().read_bytes() == b"abcd"


def test_content_counts_by_whole_quanta(tmp_path: Path) -> None:
    content = Spool(tmp_path / "x.data", quantum=4)
    for piece in (b"abc", b"def", b"ghi"):
        content.write(piece)
    assert (content.size, content.arrived) == (8, 9)
    content.settle(whole=False)
    assert (content.size, content.arrived) == (8, 8)
    content.write(b"xy")
    content.settle(whole=True)
    assert content.take().read_bytes() == b"abcdefghxy"
