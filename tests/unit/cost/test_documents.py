from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest

from bqsim.cost.documents import DAY, QUANTITY, SHARE, SIZE, read_document, read_text, share_of
from bqsim.cost.errors import CostError


@dataclass(frozen=True, slots=True)
class Thing:
    day: Annotated[dt.date, DAY] | None = None
    size: Annotated[int, SIZE] = 0
    per: Annotated[str, QUANTITY] = "TiB"
    share: Annotated[str, SHARE] = "0"


def test_a_document_is_read() -> None:
    text = "{day: 2026-01-31, size: 1.5 KiB, per: 200 MiB, share: 10 %}"
    assert read_text(text, "here", Thing, "thing")[0] == Thing(dt.date(2026, 1, 31), 1536, "200 MiB", "10 %")
    assert read_text("size: 7\nper: slot-h\n", "here", Thing, "thing")[0] == Thing(size=7, per="slot-h")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("day: tomorrow", "expected a day such as 2026-01-31"),
        ("size: big", "here:1"),
        ("size: true", "expected a size such as 10 GiB"),
        ("per: 5", "expected a unit such as TiB"),
        ("share: -1 %", "expected a share such as 10 %"),
        ("share: much", "expected a share such as 10 %"),
        ("colour: red", "colour"),
        ("[1, 2]", "here"),
        ("{", "here"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(CostError) as caught:
        read_text(text, "here", Thing, "thing")
    assert told in str(caught.value)
    assert "scenario" not in str(caught.value)


def test_all_problems_are_told_in_order_and_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(CostError) as caught:
        read_text("share: x\nsize: y\n", "here", Thing, "thing")
    assert [line.partition(" ")[0][:6] for line in str(caught.value).splitlines()] == ["here:1", "here:2"]
    with pytest.raises(CostError):
        read_document(tmp_path / "none.yaml", Thing, "thing")


@pytest.mark.parametrize(("text", "share"), [("10 %", 0.1), ("10%", 0.1), ("0.25", 0.25), ("0", 0.0)])
def test_shares(text: str, share: float) -> None:
    assert share_of(text) == pytest.approx(share)
